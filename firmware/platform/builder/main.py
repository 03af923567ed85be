"""Build script, run by SCons inside PlatformIO: which sources, with which flags, become firmware.elf and firmware.bin.

src/            the application              -Os
hal/            start-up, faults, time, and the clock, time base and UART drivers that the board file names
lib/*/          frame, gate                  (lib/nn is headers, lib/engine an interface)
run folder      model.c, model_gate.c        -O2: the model is what must be fast
generated       board.h, link.ld, messages.h, version.h, written to the build folder first
"""

import os
import shlex
import sys
from pathlib import Path

from SCons.Script import COMMAND_LINE_TARGETS, AlwaysBuild, Builder, Default, DefaultEnvironment

from boards import load
from boards.cores import flags
from boards.render import openocd
from contract.errors import DemurError
from firmware.flash import require_openocd
from firmware.generate import generate
from firmware.model_files import RUN_VARIABLE, SOURCES, require

WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow", "-Wdouble-promotion"]

env = DefaultEnvironment()
project = Path(env.subst("$PROJECT_DIR"))
build = Path(env.subst("$BUILD_DIR"))
generated = build / "generated"

try:
    board = load(env.subst("$BOARD"))
    run = (project / os.environ.get(RUN_VARIABLE, "../runs/digits")).resolve()
    require(run)
    generate(board, generated)
    if "upload" in COMMAND_LINE_TARGETS:
        require_openocd()
        env.Replace(UPLOADCMD=shlex.join(openocd.render(board, build / "firmware.elf")))
except DemurError as error:
    sys.stderr.write(f"error: {error}\n")
    env.Exit(error.exit_code)

machine = flags(board.chip.core, board.chip.fpu)
libraries = sorted(folder for folder in (project / "lib").iterdir() if folder.is_dir())

env.Replace(
    CC="arm-none-eabi-gcc",
    AS="arm-none-eabi-gcc",
    LINK="arm-none-eabi-gcc",
    AR="arm-none-eabi-gcc-ar",
    RANLIB="arm-none-eabi-gcc-ranlib",
    OBJCOPY="arm-none-eabi-objcopy",
    SIZETOOL="arm-none-eabi-size",
    PROGNAME="firmware",
    PROGSUFFIX=".elf",
    # PlatformIO's size lines, by section: the reserved stack counts as RAM
    SIZECHECKCMD="$SIZETOOL -A -d $SOURCES",
    SIZEPROGREGEXP=r"^\.(?:vectors|text|rodata|data)\s+(\d+)",
    SIZEDATAREGEXP=r"^\.(?:stack|data|bss|noinit)\s+(\d+)",
)
env.Append(
    CFLAGS=["-std=c11"],
    CCFLAGS=[*machine, *WARNINGS, "-g", "-ffunction-sections", "-fdata-sections", "-fno-common",
             f"-ffile-prefix-map={project.parent}=."],
    CPPPATH=[str(folder) for folder in (generated, run, project / "src", project / "hal", *libraries)],
    LINKFLAGS=[*machine, "-nostartfiles", "--specs=nano.specs", f"-Wl,-T,{generated / 'link.ld'}", "-Wl,--gc-sections",
               "-Wl,--fatal-warnings", f"-Wl,-Map,{build / 'firmware.map'}"],
)  # fmt: skip

fast = env.Clone()
fast.Append(CCFLAGS=["-O2"])
env.Append(CCFLAGS=["-Os"])

common_hal = "-<*> +<*.c> -<clock_*.c> -<ticks_*.c> -<uart_*.c>"
env.BuildSources(
    "$BUILD_DIR/hal",
    str(project / "hal"),
    f"{common_hal} +<clock_{board.clock.DRIVER}.c> +<ticks_{board.ticks.DRIVER}.c> +<uart_{board.uart.DRIVER}.c>",
)
for library in libraries:
    env.BuildSources(f"$BUILD_DIR/lib/{library.name}", str(library))
fast.BuildSources("$BUILD_DIR/model", str(run), " ".join(["-<*>", *(f"+<{name}>" for name in SOURCES)]))

program = env.BuildProgram()
env.Depends(program, str(generated / "link.ld"))
env.Append(
    BUILDERS={"Binary": Builder(action=env.VerboseAction("$OBJCOPY -O binary $SOURCES $TARGET", "Building $TARGET"))}
)
binary = env.Binary("$BUILD_DIR/firmware.bin", program)

AlwaysBuild(env.Alias("upload", program, env.VerboseAction("$UPLOADCMD", "Uploading $SOURCE")))
AlwaysBuild(env.Alias("size", program, env.VerboseAction("$SIZETOOL -A -d $SOURCES", "Calculating size $SOURCE")))
Default([program, binary, env.Alias("size")])
