// A Raspberry Pi Pico in rp2040js, its UART0 on a TCP port of this machine: node rp2040js.cjs FIRMWARE.BIN
//
// Prints the port once it listens; ends with its standard input. Without arguments it says the version of rp2040js.
//
// What the boot ROM does is done here, from the RP2040 data sheet, 2.8.1.3: the first 256 bytes of the flash are checked and run from RAM.
// An instruction takes one period of the 125 MHz clock, so that SysTick counts instructions; a core that waits lets time pass as it does here.
"use strict";

const fs = require("fs");
const net = require("net");
const path = require("path");

const PERIOD_NS = 1e9 / 125e6;
const SLICE = 100_000; // instructions between two looks at the socket
const LONGEST_WAIT_NS = 50e6; // SysTick wraps every 134 ms, and no wrap may be passed over
const STAGE_BYTES = 256;
const STAGE_RAM = 0x20041f00; // where the boot ROM puts the second stage
const FLASH = 0x10000000;

function crc(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) {
    value ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) value = (value << 1) ^ (value < 0 ? 0x04c11db7 : 0);
  }
  return value >>> 0;
}

function boot(chip, image) {
  const stage = image.subarray(0, STAGE_BYTES);
  if (crc(stage.subarray(0, STAGE_BYTES - 4)) !== stage.readUInt32LE(STAGE_BYTES - 4)) {
    throw new Error("the boot ROM would not start this: the checksum of its first 256 bytes is wrong");
  }
  chip.flash.set(image);
  chip.sram.set(stage, STAGE_RAM - 0x20000000);
  chip.core.SP = STAGE_RAM;
  chip.core.LR = 0;
  chip.core.PC = STAGE_RAM;
}

function main() {
  const library = require.resolve("rp2040js");
  if (process.argv.length < 3) {
    const folder = library.slice(0, library.lastIndexOf("rp2040js") + "rp2040js".length);
    console.log(JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8")).version);
    return;
  }
  const { RP2040, ConsoleLogger, LogLevel } = require(library);
  const chip = new RP2040();
  chip.logger = new ConsoleLogger(LogLevel.Error, false);
  boot(chip, fs.readFileSync(process.argv[2]));

  let socket = null;
  let sent = [];
  const received = [];
  const uart = chip.uart[0];
  uart.onByte = (byte) => sent.push(byte);

  let before = process.hrtime.bigint();
  function run() {
    // SysTick does not wake the model's core by itself; the next instruction looks whether there is something to wake it.
    for (let i = 0; i < SLICE && (!chip.core.waiting || chip.core.interruptsUpdated); i++) {
      // One byte at a time, when the last was taken: the FIFO of the model forgets what does not fit.
      if (received.length > 0 && uart.flags & (1 << 4)) uart.feedByte(received.shift());
      chip.core.executeInstruction();
      chip.clock.tick(PERIOD_NS);
    }
    const now = process.hrtime.bigint();
    if (chip.core.waiting) {
      if (received.length > 0) uart.feedByte(received.shift());
      else chip.clock.tick(Math.min(Number(now - before), LONGEST_WAIT_NS));
    }
    before = now;
    if (sent.length > 0) {
      if (socket) socket.write(Buffer.from(sent));
      sent = [];
    }
    if (chip.core.waiting && !chip.core.interruptsUpdated && received.length === 0) setTimeout(run, 1);
    else setImmediate(run);
  }

  const server = net.createServer({ noDelay: true }, (connection) => {
    if (socket) socket.destroy();
    socket = connection;
    connection.on("data", (data) => received.push(...data));
    connection.on("error", () => connection.destroy());
    connection.on("close", () => {
      if (socket === connection) socket = null;
    });
  });
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
  process.stdin.on("end", () => process.exit(0)).resume();
  run();
}

try {
  main();
} catch (error) {
  console.error(error.code === "MODULE_NOT_FOUND" ? "rp2040js is not installed" : error.message);
  process.exit(1);
}
