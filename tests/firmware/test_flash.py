"""Flashing: every back-end against a stand-in that says what the real tool says, or a folder that holds what a real
volume holds; the real tools without a probe."""

import os
import shutil
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from boards import Board, Uf2, load
from contract.errors import CHECK_FAILED, DONE, KNOWN_FAILURE, NO_DEVICE
from contract.run_folder import RunFolder
from firmware.errors import FirmwareError
from firmware.flash import available, flash, mass_storage, uf2, usb, volume
from firmware.size import Sizes

ROOT = Path(__file__).parents[2]
Image = Callable[[str], tuple[Board, Path, Sizes]]
NUCLEO = load("nucleo")
MICROBIT = load("microbit")
RP2040 = 0xE48B_FF56  # github.com/microsoft/uf2, utils/uf2families.json

# What a tool prints, how it ends, the exit code that must come of it, and words of the error. From runs of OpenOCD
# 0.12.0, st-flash 1.7.0 and pyOCD 0.46.0 where a probe is not needed, else from their sources.
SAID: dict[str, dict[str, tuple[str, int, int, str]]] = {
    "openocd": {
        "no probe": (
            "Info : clock speed 2000 kHz\nError: open failed\nin procedure 'program'\n** OpenOCD init failed **\n"
            "shutdown command invoked\n", 1, NO_DEVICE, "found no debug probe of nucleo_f446re (USB 0483:374b)"),
        "no CMSIS-DAP": (
            "Error: unable to find a matching CMSIS-DAP device\n** OpenOCD init failed **\nshutdown command invoked\n",
            1, NO_DEVICE, "found no debug probe"),
        "no such serial": (
            "Info : No device matches the serial string\nError: open failed\n** OpenOCD init failed **\n",
            1, NO_DEVICE, "found no debug probe"),
        "no permission": (
            "Error: libusb_open() failed with LIBUSB_ERROR_ACCESS\nError: open failed\n** OpenOCD init failed **\n",
            1, NO_DEVICE, "sudo cp boards/udev/99-demur.rules"),
        "no chip": (
            "Info : STLINK V2J37M26 (API v2) VID:PID 0483:374B\nInfo : Target voltage: 3.260000\n"
            "Error: init mode failed (unable to connect to the target)\n** OpenOCD init failed **\n",
            1, NO_DEVICE, "the chip behind it does not answer"),
        "wrong chip": (
            "Warn : Cannot identify target as a STM32 family.\nError: auto_probe failed\n** Programming Failed **\n"
            "shutdown command invoked\n", 1, KNOWN_FAILURE, "found another chip than that of nucleo_f446re"),
        "old probe": (
            "Error: The firmware in the ST-Link adapter only supports deprecated HLA.\n"
            "Error: Please consider updating the ST-Link firmware with a version\n", 1, NO_DEVICE, "nothing here does that"),
        "old installation": (
            "embedded:startup.tcl:28: Error: Can't find board/st_nucleo_f4.cfg\n",
            1, KNOWN_FAILURE, "Install OpenOCD 0.12"),
        "verify failed": (
            "** Programming Started **\n** Programming Finished **\n** Verify Started **\n** Verify Failed **\n"
            "shutdown command invoked\n", 1, CHECK_FAILED, "did not read back"),
        "locked": (  # tcl/target/nrf52.cfg
            "****** WARNING ******\nnRF52 device has AP lock engaged (see UICR APPROTECT register).\nDebug access is denied.\n"
            "Error: Target not examined yet\n", 1, KNOWN_FAILURE, "erases the whole chip"),
        "something else": ("Error: no idea\n", 7, KNOWN_FAILURE, "did not flash nucleo_f446re (exit code 7): no idea"),
        "nothing verified": ("Info : nothing was done\n", 0, KNOWN_FAILURE, "did not flash nucleo_f446re (exit code 0)"),
        "done": (
            "** Programming Finished **\n** Verify Started **\n** Verified OK **\n** Resetting Target **\n"
            "shutdown command invoked\n", 0, DONE, ""),
    },
    "st-flash": {
        "no probe": (
            "st-flash 1.7.0\n2026-11-21T14:45:15 WARN usb.c: Couldn't find any ST-Link devices\n",
            255, NO_DEVICE, "found no debug probe of nucleo_f446re (USB 0483:374b): Couldn't find any ST-Link devices"),
        "no permission": (
            "st-flash 1.7.0\n2026-11-21T14:45:15 ERROR usb.c: Could not open USB device 0x0483:0x374b, access error.\n"
            "2026-11-21T14:45:15 WARN usb.c: Couldn't find any ST-Link devices\n",
            255, NO_DEVICE, "sudo cp boards/udev/99-demur.rules"),
        "in use": (
            "st-flash 1.7.0\n2026-11-21T14:45:15 WARN usb.c: Stlink usb device found, but unable to claim (probably already in use?)\n",
            255, NO_DEVICE, "which another program uses"),
        "no chip": (
            "st-flash 1.7.0\n2026-11-21T14:45:15 ERROR common.c: Can not connect to target. Please use 'connect under reset' and try "
            "again\nFailed to connect to target\nFailed to parse flash type or unrecognized flash type\n",
            255, NO_DEVICE, "the chip behind it does not answer"),
        "unknown chip": (
            "st-flash 1.7.0\n2026-11-21T14:45:15 WARN common.c: unknown chip id! 0x482\nFailed to connect to target\n",
            255, NO_DEVICE, "does not know the chip"),
        "too small": (
            "st-flash 1.8.0\n2026-11-21T14:45:15 ERROR common_flash.c: The size exceeds the size of the flash (0x00010000 bytes available)\n",
            255, KNOWN_FAILURE, "found another chip"),
        "verify failed": (
            "st-flash 1.7.0\n2026-11-21T14:45:15 ERROR common_flash.c: Verification of flash failed at offset: 4096\n"
            "stlink_fwrite_flash() == -1\n", 255, CHECK_FAILED, "did not read back"),
        "done": (
            "st-flash 1.7.0\n2026-11-21T14:45:15 INFO common.c: F446: 128 KiB SRAM, 512 KiB flash in at least 128 KiB pages.\n"
            "2026-11-21T14:45:16 INFO common_flash.c: Starting verification of write complete\n"
            "2026-11-21T14:45:16 INFO common_flash.c: Flash written and verified! jolly good!\n", 0, DONE, ""),
    },
    "pyocd": {
        "no probe": (
            "No connected debug probes\n0000674 E No target device available [load_cmd]\n", 1, NO_DEVICE, "found no debug probe"),
        "no such serial": (
            "No connected debug probe matches unique ID 'ABC'\n0000723 E No target device available [load_cmd]\n",
            1, NO_DEVICE, "found no debug probe"),
        "no permission": (
            "0000801 C USB Error: [Errno 13] Access denied (insufficient permissions) [__main__]\n",
            1, NO_DEVICE, "sudo cp boards/udev/99-demur.rules"),
        "several probes": (
            "  #   Probe/Board   Unique ID\n  0   STLINK-V3     001F\n  1   STLINK-V3     002A\n\n"
            "Enter the number of the debug probe or 'q' to quit> 0000350 C Error: EOF when reading a line [__main__]\n",
            1, NO_DEVICE, "with PROBE"),
        "no pack": (
            "0000645 C Target type stm32f446retx not recognized. Use 'pyocd list --targets' to see currently available target types. See "
            "<https://pyocd.io/docs/target_support.html> for how to install additional target support. [__main__]\n",
            1, KNOWN_FAILURE, "pyocd pack install stm32f446retx"),
        "old probe": (
            "0000312 C STLink 001F is using an unsupported, older firmware version. Please update to the latest STLink firmware\n",
            1, NO_DEVICE, "nothing here does that"),
        "no chip": ("0000410 C SWD/JTAG communication failure (No ACK) [__main__]\n", 1, NO_DEVICE, "does not answer"),
        "locked": (  # pyocd/target/family/target_nRF52.py
            "0000510 W NRF52840 APPROTECT enabled: not automatically unlocking [target_nRF52]\n"
            "0000523 C SWD/JTAG communication failure (No ACK) [__main__]\n", 1, KNOWN_FAILURE, "erases the whole chip"),
        "flash failed": (
            "0002210 C flash program page failure (address 0x08000000; result code 0x1) [__main__]\n",
            1, KNOWN_FAILURE, "could not write the flash"),
        "done": ("0000893 I Loading firmware.elf [load_cmd]\n", 0, DONE, ""),
    },
}  # fmt: skip

# What the chip says of itself, of which the word is to be filled in: `mdw` of OpenOCD, src/target/target.c; st-info
# 1.7, src/st-info/info.c.
IDENTITY = {
    "openocd": "Info : [stm32f4x.cpu] Cortex-M4 r0p1 processor detected\n0xe0042000: {word:08x} \n\nshutdown command invoked\n",
    "st-flash": "Found 1 stlink programmers\n  version:    V2J37S26\n  serial:     066EFF303435\n  flash:      524288 (pagesize: 16384)\n"
    "  sram:       131072\n  chipid:     0x{id:04x}\n  descr:      F4xx\n",
}
F446, F401 = 0x1000_6421, 0x1000_6433
ONCE_IT_ANSWERS = ("verify failed", "something else", "nothing verified", "done")
"""The cases in which the chip was there to be asked."""

CASES = [(tool, case) for tool, cases in SAID.items() for case in cases]
NAMES = {"openocd": "OpenOCD", "st-flash": "st-flash", "pyocd": "pyOCD"}


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Makes PATH a folder of stand-ins, each with its case; they write their arguments to the folder that is returned.
    `word` is what the chip says that it is."""

    def install(word: int = F446, **cases: str) -> Path:
        folder = tmp_path / "tools"
        folder.mkdir()
        for name, case in cases.items():
            program = folder / name.replace("_", "-")
            said, code, _, _ = SAID[program.name][case]
            asked = IDENTITY.get(program.name, "").format(word=word, id=word & 0xFFF)
            identify = ""
            if program.name == "openocd" and case in ONCE_IT_ANSWERS:
                identify = f"case \"$*\" in *mdw*) /bin/cat >&2 <<'END'\n{asked}END\nexit 0;; esac\n"
            if program.name == "st-flash" and case in ONCE_IT_ANSWERS:
                (folder / "st-info").write_text(f"#!/bin/sh\n/bin/cat <<'END'\n{asked}END\n")
                (folder / "st-info").chmod(0o755)
            program.write_text(
                f"#!/bin/sh\n{identify}printf '%s\\n' \"$@\" > {folder}/{program.name}.arguments\n/bin/cat >&2 <<'END'\n{said}END\nexit {code}\n"
            )
            program.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        return folder

    return install


@pytest.fixture
def elf(tmp_path: Path) -> Path:
    """An image with a blank in its path."""
    folder = tmp_path / "a run"
    folder.mkdir()
    (folder / "firmware.elf").write_bytes(b"\x7fELF")
    (folder / "firmware.bin").write_bytes(bytes(range(256)) * 5 + b"end.")
    return folder / "firmware.elf"


@pytest.fixture(autouse=True)
def usb_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """No USB device is there but those that are named, as (VID:PID, product, serial)."""
    folder = tmp_path / "sys"
    folder.mkdir()
    monkeypatch.setattr(usb, "DEVICES", folder)

    def plug_in(*devices: tuple[str, str, str]) -> None:
        for number, (ids, product, serial) in enumerate(devices, 1):
            (folder / f"1-{number}").mkdir()
            strings = {"idVendor": ids[:4], "idProduct": ids[5:], "product": product, "serial": serial}
            for key, text in strings.items():
                (folder / f"1-{number}" / key).write_text(f"{text}\n")
            (folder / f"1-{number}:1.0").mkdir()  # its interface, which has none of these files

    return plug_in


@pytest.fixture(autouse=True)
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """No volume is mounted but those that are named, with their files."""
    table = tmp_path / "mounts"
    table.write_text("proc /proc proc rw 0 0\n")
    monkeypatch.setattr(volume, "MOUNTS", table)
    monkeypatch.setattr(volume, "PLACES", ())
    monkeypatch.setattr(mass_storage, "POLL_SECONDS", 0.01)

    def mount(name: str, **files: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for file, text in files.items():
            (folder / file.replace("_TXT", ".TXT").replace("_HTM", ".HTM")).write_text(text)
        place = str(folder).replace(" ", "\\040")
        table.write_text(table.read_text() + f"/dev/sdb1 {place} vfat rw,nosuid 0 0\n")
        return folder

    return mount


@pytest.mark.parametrize(("tool", "case"), CASES)
def test_what_a_tool_says_decides(tool: str, case: str, tools: Callable[..., Path], elf: Path) -> None:
    tools(**{tool.replace("-", "_"): case})
    _, _, code, words = SAID[tool][case]
    if code == DONE:
        assert flash(elf, NUCLEO).name == NAMES[tool]
        return
    with pytest.raises(FirmwareError) as caught:
        flash(elf, NUCLEO)
    assert caught.value.exit_code == code
    assert words in str(caught.value) and caught.value.next_step


@pytest.mark.parametrize("probe", [None, "066EFF303435"])
def test_what_the_tools_are_told(
    probe: str | None, tools: Callable[..., Path], elf: Path, usb_devices: Callable[..., None]
) -> None:
    if probe:
        usb_devices(("0483:374b", "STM32 STLink", probe), ("0483:374b", "STM32 STLink", "0671FF"))
    folder = tools(openocd="no probe", st_flash="no probe", pyocd="done")
    assert flash(elf, NUCLEO, probe).name == "pyOCD"
    told = {name: (folder / f"{name}.arguments").read_text().splitlines() for name in NAMES}
    select = ["-c", f"adapter serial {{{probe}}}"] if probe else []
    steps = ("init", "reset halt", "mdw 0xe0042000", "reset run", "shutdown")  # it gets no further: no probe
    identify = [word for step in steps for word in ("-c", step)]
    assert told["openocd"] == ["-f", "board/st_nucleo_f4.cfg", *select, *identify]
    select = ["--serial", probe] if probe else []
    assert told["st-flash"] == [*select, "--reset", "write", str(elf.with_suffix(".bin")), "0x8000000"]
    select = ["--uid", probe] if probe else []
    target = ["load", "--no-wait", "-O", "auto_unlock=false", "--target", "stm32f446retx"]
    assert told["pyocd"] == [*target, *select, "--format", "elf", str(elf)]


@pytest.mark.parametrize("tool", ["openocd", "st-flash"])
def test_another_chip_of_the_family_is_not_written(tool: str, tools: Callable[..., Path], elf: Path) -> None:
    """Both would flash it, and say that it read back."""
    folder = tools(word=F401, **{tool.replace("-", "_"): "done"})
    with pytest.raises(FirmwareError) as caught:
        flash(elf, NUCLEO)
    assert "0x433, that of nucleo_f401re; expected 0x421, STM32F446RET6" in caught.value.problem
    assert "BOARD=nucleo_f401re" in caught.value.next_step and caught.value.exit_code == KNOWN_FAILURE
    assert not (folder / f"{tool}.arguments").exists()
    shutil.rmtree(folder)
    tools(word=0x1001_65A5, **{tool.replace("-", "_"): "done"})
    with pytest.raises(FirmwareError, match="0x5a5, which no board here has"):
        flash(elf, NUCLEO)


def test_what_st_flash_does_not_know_is_left_to_the_next_tool(
    tools: Callable[..., Path], elf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tools(st_flash="unknown chip", pyocd="done")
    assert flash(elf, load("nucleo_u575zi_q")).name == "pyOCD"
    assert "does not know the chip of nucleo_u575zi_q" in capsys.readouterr().err
    shutil.rmtree(folder)
    tools(st_flash="unknown chip")
    with pytest.raises(FirmwareError, match=r"Install OpenOCD 0\.12 or newer, or stlink 1\.8"):
        flash(elf, load("nucleo_g0b1re"))


def test_of_several_st_links_the_chip_of_the_one_that_is_named_counts(
    tools: Callable[..., Path], elf: Path, usb_devices: Callable[..., None]
) -> None:
    folder = tools(st_flash="done")
    usb_devices(("0483:374b", "STM32 STLink", "066E"), ("0483:374b", "STM32 STLink", "0671FF"))
    first, second = (
        IDENTITY["st-flash"].format(id=word & 0xFFF).split("\n", 1)[1].replace("066EFF303435", serial)
        for serial, word in (("066E", F401), ("0671FF", F446))
    )
    (folder / "st-info").write_text(
        f"#!/bin/sh\n/bin/cat <<'END'\nFound 2 stlink programmers\n1.\n{first}2.\n{second}END\n"
    )
    assert flash(elf, NUCLEO, "0671FF").name == "st-flash"
    with pytest.raises(FirmwareError, match="0x433"):
        flash(elf, NUCLEO, "066E")


@pytest.mark.skipif(shutil.which("openocd") is None, reason="openocd is not installed")
@pytest.mark.parametrize(("word", "ids"), [(F446, "0x421"), (F401, "0x433")])
def test_the_real_openocd_reads_the_word_by_that_command(
    word: int, ids: str, elf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own interpreter runs the command; what needs a probe is replaced in it, and says what OpenOCD says."""
    scripts = tmp_path / "scripts"
    (scripts / "board").mkdir(parents=True)
    (scripts / "board/st_nucleo_f4.cfg").write_text(
        "proc init {} {}\nproc reset {how} {}\n"
        f'proc mdw {{address}} {{ echo [format "0x%08x: {word:08x} " $address] }}\n'
        'proc program {image args} { echo "** Verified OK **"; shutdown }\n'
    )
    monkeypatch.setenv("OPENOCD_SCRIPTS", str(scripts))
    real = shutil.which("openocd")
    only = tmp_path / "only"
    only.mkdir()
    (only / "openocd").symlink_to(str(real))
    monkeypatch.setenv("PATH", str(only))
    if word == F446:
        assert flash(elf, NUCLEO).name == "OpenOCD"
        return
    with pytest.raises(FirmwareError, match=f"its id is {ids}"):
        flash(elf, NUCLEO)


def test_the_first_that_is_there_is_taken_and_one_that_fails_on_the_board_is_the_end(
    tools: Callable[..., Path], elf: Path
) -> None:
    folder = tools(openocd="done", st_flash="done", pyocd="done")
    assert [each.name for each in available(NUCLEO)] == ["OpenOCD", "st-flash", "pyOCD"]
    assert flash(elf, NUCLEO).name == "OpenOCD"
    shutil.rmtree(folder)
    tools(openocd="verify failed", st_flash="done")
    with pytest.raises(FirmwareError, match="OpenOCD did not read back"):
        flash(elf, NUCLEO)


def test_the_first_error_counts_when_nobody_finds_a_way(
    tools: Callable[..., Path], elf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tools(openocd="no permission", st_flash="no probe", pyocd="no probe")
    with pytest.raises(FirmwareError, match="udev rules"):
        flash(elf, NUCLEO)
    lines = capsys.readouterr().err.splitlines()
    assert [(line.split()[0], line.split("Next: ")[1]) for line in lines] == [
        ("OpenOCD", "st-flash."),
        ("st-flash", "pyOCD."),
    ]


def test_nothing_is_there(tools: Callable[..., Path], elf: Path) -> None:
    tools()
    with pytest.raises(FirmwareError) as caught:
        flash(elf, NUCLEO)
    for words in (
        "OpenOCD, st-flash, pyOCD, mass-storage copy can",
        "apt-get install openocd",
        "apt-get install stlink-tools",
    ):
        assert words in str(caught.value)
    assert "pipx install pyocd" in caught.value.next_step and "mount the volume" in caught.value.next_step
    with pytest.raises(FirmwareError) as caught:
        available(MICROBIT)
    assert "st-flash" not in str(caught.value)  # its probe is no ST-LINK


def test_a_board_without_a_probe(elf: Path) -> None:
    with pytest.raises(FirmwareError, match="no debug probe"):
        flash(elf, load("mps2"))


def test_several_probes_are_listed_and_none_is_picked(
    tools: Callable[..., Path], elf: Path, usb_devices: Callable[..., None]
) -> None:
    folder = tools(openocd="done", st_flash="done")
    usb_devices(
        ("0483:374b", "STM32 STLink", "066E"),
        ("0483:3754", "STLINK-V3", "002A"),
        ("2e8a:000c", "Debug Probe (CMSIS-DAP)", "E66"),
    )
    with pytest.raises(FirmwareError) as caught:
        flash(elf, NUCLEO)
    assert "2 debug probes fit nucleo_f446re: 066E, 002A." in caught.value.problem
    assert caught.value.next_step == "Name one: PROBE=066E." and caught.value.exit_code == KNOWN_FAILURE
    assert not list(folder.glob("*.arguments"))
    assert flash(elf, NUCLEO, "002A").name == "OpenOCD"
    assert flash(elf, MICROBIT).name == "OpenOCD"  # there is one CMSIS-DAP
    with pytest.raises(
        FirmwareError, match=r"No USB device has the serial number 0BAD. Probes for nucleo_f446re: 066E, 002A\."
    ) as caught:
        flash(elf, NUCLEO, "0BAD")
    assert caught.value.exit_code == NO_DEVICE


# As mbed-os-tools has them from a NUCLEO-F411RE and from a DAPLink 0240 in its tests, with the codes of our boards.
ST_LINK = {
    "MBED_HTM": '<!-- mbed Platform Website and Authentication Shortcut -->\n<meta http-equiv="refresh" content="0; '
    'url=http://mbed.org/device/?code=07770221076061193824F764"/>\n',
    "DETAILS_TXT": "Version: 0221\nBuild:   Jan 11 2016 16:12:36\n",
}
DAPLINK = {
    "DETAILS_TXT": "# DAPLink Firmware - see https://mbed.com/daplink\nUnique ID: 9900000029164e45002f0012706e0006f301000097969900\n"
    "HIF ID: 97969900\nDaplink Mode: Interface\nInterface Version: 0240\n",
}


@pytest.fixture
def programs(mounts: Callable[..., Path]) -> Iterator[Callable[..., dict[str, bytes]]]:
    """A probe that takes what is copied to its volume: soon after, the file is gone, and FAIL.TXT is there if it says
    something."""
    threads = []

    def take(place: Path, failure: str | None = None) -> dict[str, bytes]:
        taken: dict[str, bytes] = {}

        def probe() -> None:
            file = place / mass_storage.FILE
            give_up = time.monotonic() + 10
            while time.monotonic() < give_up:
                if file.exists() and file.stat().st_size == 1284:
                    taken["image"] = file.read_bytes()
                    if failure:
                        (place / "FAIL.TXT").write_text(failure)
                    file.unlink()
                    return
                time.sleep(0.01)

        threads.append(threading.Thread(target=probe))
        threads[-1].start()
        return taken

    yield take
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(("board", "files"), [(NUCLEO, ST_LINK), (MICROBIT, DAPLINK)])
def test_a_copy_to_the_volume_of_the_probe(
    board: Board, files: dict[str, str], mounts: Callable[..., Path], tools: Callable[..., Path], elf: Path,
    programs: Callable[..., dict[str, bytes]],
) -> None:  # fmt: skip
    tools()
    mounts("a stick", **{"README_TXT": "nothing"})
    place = mounts("any name", **files)
    taken = programs(place)
    by = flash(elf, board)
    assert (by.name, by.verifies) == ("mass-storage copy", False)
    assert taken["image"] == elf.with_suffix(".bin").read_bytes()


def test_the_volume_is_used_when_no_tool_finds_the_probe(
    mounts: Callable[..., Path], tools: Callable[..., Path], elf: Path, programs: Callable[..., dict[str, bytes]]
) -> None:
    tools(openocd="no permission")
    programs(mounts("NODE_F446RE", **ST_LINK))
    assert flash(elf, NUCLEO).name == "mass-storage copy"


def test_a_volume_that_says_why_it_failed(
    mounts: Callable[..., Path], tools: Callable[..., Path], elf: Path, programs: Callable[..., dict[str, bytes]]
) -> None:
    tools()
    place = mounts("NODE_F446RE", **ST_LINK)
    said = "The interface firmware FAILED to reset/halt the target MCU"
    programs(place, f"{said}\r\n")
    with pytest.raises(FirmwareError, match=said) as caught:
        flash(elf, NUCLEO)
    assert caught.value.exit_code == NO_DEVICE
    programs(place)  # and the next time it works, though FAIL.TXT is still there for a while
    (place / "FAIL.TXT").unlink()
    flash(elf, NUCLEO)


def test_a_volume_of_another_board_is_not_written(
    mounts: Callable[..., Path], tools: Callable[..., Path], elf: Path
) -> None:
    tools()
    place = mounts("NODE_F411RE", MBED_HTM=ST_LINK["MBED_HTM"].replace("code=0777", "code=0740"))
    with pytest.raises(FirmwareError, match="mount the volume"):
        flash(elf, NUCLEO)
    assert {path.name for path in place.iterdir()} == {"MBED.HTM"}


def test_of_two_volumes_one_must_be_named(
    mounts: Callable[..., Path], tools: Callable[..., Path], elf: Path, programs: Callable[..., dict[str, bytes]]
) -> None:
    tools()
    first, second = mounts("NODE_F446RE", **ST_LINK), mounts("NODE_F446RE1", **ST_LINK)
    with pytest.raises(FirmwareError, match=f"2 volumes are of nucleo_f446re: {first}, {second}"):
        flash(elf, NUCLEO)
    taken = programs(second)
    flash(elf, NUCLEO, str(second))
    assert taken and not (first / mass_storage.FILE).exists()


def test_a_volume_without_a_verdict_is_left_to_hello(
    mounts: Callable[..., Path], tools: Callable[..., Path], elf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools()
    monkeypatch.setattr(mass_storage, "SETTLE_SECONDS", 0.05)
    place = mounts("NODE_F446RE", **ST_LINK)
    assert not flash(elf, NUCLEO).verifies
    assert (place / mass_storage.FILE).exists()


# errno of the write, words of the error
TROUBLE = {
    "ENOSPC": "has no room for 1,284 bytes",
    "EROFS": "read-only",
    "EACCES": "may not be written",
    "EIO": "went away",
}


@pytest.mark.parametrize("name", TROUBLE)
def test_a_volume_that_cannot_be_written(
    name: str, mounts: Callable[..., Path], tools: Callable[..., Path], elf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    tools()
    mounts("NODE_F446RE", **ST_LINK)

    def refuse(descriptor: int) -> None:
        raise OSError(getattr(errno, name), "refused")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(FirmwareError, match=TROUBLE[name]) as caught:
        flash(elf, NUCLEO)
    assert caught.value.next_step


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_the_kernels_own_word_for_a_full_volume(tmp_path: Path) -> None:
    target = tmp_path / "FIRMWARE.BIN"
    target.symlink_to("/dev/full")
    with pytest.raises(FirmwareError, match="has no room"):
        volume.copy(b"image", target, "nucleo_f446re")


BOOTSEL = "UF2 Bootloader v3.0\nModel: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n"  # as the boot ROM of the RP2040 has it


@pytest.fixture
def pico() -> Board:
    """A board with a UF2 bootloader and no probe."""
    from dataclasses import replace

    return replace(load("mps2"), name="a_pico", uf2=Uf2("RPI-RP2", RP2040))


def blocks(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Address and bytes of each block, read by the words of the specification."""
    assert len(data) % 512 == 0
    for number, start in enumerate(range(0, len(data), 512)):
        block = data[start : start + 512]
        words = struct.unpack("<8I", block[:32])
        assert block[:4] == b"UF2\n" and words[1] == 0x9E5D5157 and block[508:] == struct.pack("<I", 0x0AB16F30)
        _, _, flags, address, used, index, count, family = words
        assert (flags, used, index, count, family) == (0x2000, 256, number, len(data) // 512, RP2040)
        assert block[32 + used : 508] == bytes(476 - used)
        yield address, block[32 : 32 + used]


@pytest.mark.parametrize("length", [1, 256, 257, 4096, 10_000])
def test_the_uf2_file_read_back_by_its_specification(length: int) -> None:
    image = bytes(index * 7 % 251 for index in range(length))
    found = b""
    for address, payload in blocks(uf2.encode(image, 0x1000_0000, RP2040)):
        assert address == 0x1000_0000 + len(found)
        found += payload
    assert found == image + bytes(-length % 256)


def test_a_uf2_image_starts_on_a_page() -> None:
    with pytest.raises(ValueError, match="multiple of 256"):
        uf2.encode(b"image", 0x1000_0080, RP2040)


def test_a_copy_to_a_uf2_bootloader(mounts: Callable[..., Path], elf: Path, pico: Board) -> None:
    place = mounts("RPI-RP2", INFO_UF2_TXT=BOOTSEL)
    assert flash(elf, pico).name == "UF2 copy"
    written = b"".join(payload for _, payload in blocks((place / uf2.FILE).read_bytes()))
    image = elf.with_suffix(".bin").read_bytes()
    assert written[: len(image)] == image


def test_a_bootloader_that_starts_the_program_at_the_last_block(
    mounts: Callable[..., Path], elf: Path, pico: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts("RPI-RP2", INFO_UF2_TXT=BOOTSEL)

    def gone(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", gone)
    assert flash(elf, pico).name == "UF2 copy"


@pytest.mark.parametrize("said", ["", BOOTSEL.replace("RPI-RP2", "RP2350"), "UF2 Bootloader v3.0\n"])
def test_a_board_that_is_not_in_its_bootloader(said: str, mounts: Callable[..., Path], elf: Path, pico: Board) -> None:
    place = mounts("RPI-RP2", **({"INFO_UF2_TXT": said} if said else {}))  # the name alone is nothing
    with pytest.raises(FirmwareError, match="Hold BOOTSEL"):
        flash(elf, pico)
    assert not (place / uf2.FILE).exists()


def test_without_a_probe_the_way_that_needs_none_is_told(tools: Callable[..., Path], elf: Path) -> None:
    tools(openocd="no CMSIS-DAP")
    with pytest.raises(FirmwareError, match="found no debug probe of raspberry_pi_pico") as caught:
        flash(elf, load("pico"))
    assert caught.value.exit_code == NO_DEVICE
    assert "Connect the USB port" in caught.value.next_step and "Or: Hold BOOTSEL" in caught.value.next_step


def test_a_board_that_has_no_probe_of_its_own_names_the_way_without_one(tools: Callable[..., Path], elf: Path) -> None:
    nano = load("nano33")
    folder = tools(openocd="no CMSIS-DAP", pyocd="no probe")
    with pytest.raises(FirmwareError, match="found no debug probe of arduino_nano_33_ble_sense") as caught:
        flash(elf, nano)
    assert "board's probe" not in caught.value.next_step and "bossac" in caught.value.next_step
    assert "docs/bring_up/nrf52840.md" in caught.value.next_step and (ROOT / "docs/bring_up/nrf52840.md").is_file()
    shutil.rmtree(folder)
    tools()
    with pytest.raises(FirmwareError, match="bossac"):
        flash(elf, nano)


def command(*arguments: str | Path, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """`python -m firmware flash`, with another PATH if one is given."""
    environment = os.environ | ({} if path is None else {"PATH": path})
    whole = [sys.executable, "-m", "firmware", "flash", *map(str, arguments)]
    return subprocess.run(whole, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def said(result: subprocess.CompletedProcess[str]) -> str:
    """The error message, which is one paragraph."""
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and "Traceback" not in result.stderr, result.stderr
    return lines[0]


def test_nothing_is_built_when_nothing_could_flash(tmp_path: Path) -> None:
    result = command("--run", tmp_path, path=str(tmp_path))
    assert result.returncode == KNOWN_FAILURE
    assert "apt-get install openocd" in said(result) and "lacks model.h" not in result.stderr


@pytest.mark.parametrize(("case", "code"), [("no probe", NO_DEVICE), ("done", DONE)])
def test_the_command_builds_and_flashes(case: str, code: int, bench: RunFolder, image: Image, tmp_path: Path) -> None:
    image("nucleo_f446re")
    program = tmp_path / "openocd"
    words, status, _, _ = SAID["openocd"][case]
    identify = IDENTITY["openocd"].format(word=F446) if case in ONCE_IT_ANSWERS else ""
    asked = f'case "$*" in *mdw*) printf "%s" "{identify}"; exit 0;; esac\n' if identify else ""
    program.write_text(f"#!/bin/sh\n{asked}cat >&2 <<'END'\n{words}END\nexit {status}\n")
    program.chmod(0o755)
    others = tmp_path / "others"
    others.mkdir()
    for directory in os.environ["PATH"].split(os.pathsep):
        for each in Path(directory).glob("*"):
            if each.name not in NAMES and not (others / each.name).exists() and os.access(each, os.X_OK):
                (others / each.name).symlink_to(each)
    result = command("--run", bench.path, path=f"{tmp_path}{os.pathsep}{others}")
    assert result.returncode == code
    if code == DONE:
        assert "flashed and verified nucleo_f446re (OpenOCD)" in result.stderr
    else:
        assert "found no debug probe" in said(result)


@pytest.mark.parametrize("tool", NAMES)
def test_the_real_tool_without_a_probe(tool: str, elf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = shutil.which(tool)
    if real is None:
        pytest.skip(f"{tool} is not installed")
    if any(Path("/dev").glob("ttyACM*")):
        pytest.skip("a board may be connected, and this test does not flash it")
    only = tmp_path / "only"
    only.mkdir()
    (only / tool).symlink_to(real)
    monkeypatch.setenv("PATH", str(only))
    with pytest.raises(FirmwareError, match="found no debug probe") as caught:
        flash(elf, NUCLEO)
    assert caught.value.exit_code == NO_DEVICE
