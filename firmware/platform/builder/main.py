"""Build script, run by SCons inside PlatformIO: which sources, with which flags, become firmware.elf and firmware.bin.

src/, mlperf/   the application, and one src/engine_*  -Os
hal/            start-up, faults, time, and the clock, time base and UART drivers that the board file names
lib/*/          frame, gate                           (lib/nn is headers, lib/engine an interface)
lib/source/     the board's own source of samples, if the build has one, or a driver from elsewhere (firmware/source.py)
run folder      the model, as the engine takes it     -O2: the model, and the gate, are what must be fast
tflm            a tree of TensorFlow Lite Micro       -O2, its warnings are its own; only with that engine and DEMUR_TFLM
generated       board.h, link.ld, messages.h, options.h, version.h, written to the build folder first
"""

import os
import sys
from pathlib import Path

from SCons.Script import COMMAND_LINE_TARGETS, AlwaysBuild, Builder, Default, DefaultEnvironment

from boards import load
from boards.cores import flags
from boards.load import with_baud
from contract.errors import KNOWN_FAILURE, DemurError
from firmware import boot_block, source, tflm
from firmware.flash import available, flash
from firmware.generate import CONSENT_VARIABLE, DEFAULT_CONSENT, consent_of, generate
from firmware.model_files import (
    APP_VARIABLE,
    APPS,
    BAUD_VARIABLE,
    DEFAULT_APP,
    DEFAULT_ENGINE,
    ENGINE_VARIABLE,
    RUN_VARIABLE,
    require,
)

WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow", "-Wdouble-promotion"]

env = DefaultEnvironment()
if "BOARD" not in env:
    sys.stderr.write(
        "error: this environment has no board, only tests. Run `pio test -e native`, or name one of boards.ini.\n"
    )
    env.Exit(KNOWN_FAILURE)
project = Path(env.subst("$PROJECT_DIR"))
build = Path(env.subst("$BUILD_DIR"))
generated = build / "generated"

try:
    board = load(env.subst("$BOARD"))
    run = (project / os.environ.get(RUN_VARIABLE, "../runs/digits")).resolve()
    dependencies = env.GetProjectOption("lib_deps", [])
    name = env.GetProjectOption("custom_engine", "") or os.environ.get(ENGINE_VARIABLE, DEFAULT_ENGINE)
    app = os.environ.get(APP_VARIABLE, DEFAULT_APP)
    model = require(run, name, app)
    if baud := int(os.environ.get(BAUD_VARIABLE) or APPS[app].baud or 0):
        board = with_baud(board, baud)
    tree = tflm.require(os.environ) if name == "tflm" and not dependencies else None
    samples = source.find(os.environ.get(source.VARIABLE, source.DEFAULT), run)
    generate(board, generated, consent_of(os.environ.get(CONSENT_VARIABLE, DEFAULT_CONSENT)), samples)
    probe = env.subst("$UPLOAD_PORT") or None
    if "upload" in COMMAND_LINE_TARGETS:
        available(board, probe)  # what would fail after the build should fail before it
except DemurError as error:
    sys.stderr.write(f"error: {error}\n")
    env.Exit(error.exit_code)


def upload(target: object, source: list[object], env: object) -> int:
    """Flashes what SCons has just built; its own name for an action's exit code is 0 for success."""
    try:
        print(f"flashed {board.name} with {flash(Path(str(source[0])), board, probe).name}")
    except DemurError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


machine = flags(board.chip.core, board.chip.fpu)
libraries = sorted(folder for folder in (project / "lib").iterdir() if folder.is_dir())

env.Replace(
    CC="arm-none-eabi-gcc",
    CXX="arm-none-eabi-g++",
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
    SIZEPROGREGEXP=r"^\.(?:boot|vectors|text|rodata|data)\s+(\d+)",
    SIZEDATAREGEXP=r"^\.(?:stack|data|bss|noinit)\s+(\d+)",
)
env.Append(
    CFLAGS=["-std=c11"],
    CXXFLAGS=["-std=c++17", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"],
    CCFLAGS=[*machine, "-g", "-O2", "-ffunction-sections", "-fdata-sections", "-fno-common",
             f"-ffile-prefix-map={project.parent}=."],
    LINKFLAGS=[*machine, "-nostartfiles", "--specs=nano.specs", f"-Wl,-T,{generated / 'link.ld'}", "-Wl,--gc-sections",
               "-Wl,--fatal-warnings", f"-Wl,-Map,{build / 'firmware.map'}"],
)  # fmt: skip
if name == "tflm":
    env.Append(CPPDEFINES=list(tflm.defines(tree)), CPPPATH=list(tflm.includes(tree)), LIBS=["m"])
library = env.Clone()  # before anything is added that is meant for our own sources

application = project / APPS[app].folder
env.Append(CPPPATH=[str(folder) for folder in (generated, run, application, project / "hal", *libraries)])
# src is PlatformIO's name for the sources, where the engines are too
others = "+<*> -<engine_*> " if application == project / "src" else ""
env.Replace(SRC_BUILD_FLAGS=[*WARNINGS, "-Os"], SRC_FILTER=f"{others}+<engine_{name}.*>")
fast = env.Clone()
fast.Append(CCFLAGS=WARNINGS)
small = fast.Clone()
small.Append(CCFLAGS=["-Os"])

common_hal = "-<*> +<*.c> -<boot_*.c> -<clock_*.c> -<ticks_*.c> -<uart_*.c>"
boot = f"+<boot_{board.chip.boot}.c>" if board.chip.boot else ""
small.BuildSources(
    "$BUILD_DIR/hal",
    str(project / "hal"),
    f"{common_hal} +<clock_{board.clock.DRIVER}.c> +<ticks_{board.ticks.DRIVER}.c> +<uart_{board.uart.DRIVER}.c> {boot}",
)
if not others:
    small.BuildSources("$BUILD_DIR/app", str(application))
for folder in libraries:
    if folder.name != source.FOLDER.name:
        (fast if folder.name == "gate" else small).BuildSources(f"$BUILD_DIR/lib/{folder.name}", str(folder))
if samples.file:
    small.BuildSources("$BUILD_DIR/source", str(samples.file.parent), f"-<*> +<{samples.file.name}>")
fast.BuildSources("$BUILD_DIR/model", str(run), " ".join(["-<*>", *(f"+<{source}>" for source in model.sources)]))
if tree:
    env.Prepend(LIBS=[library.BuildLibrary("$BUILD_DIR/tflm", str(tree), tflm.SOURCES)])

program = env.BuildProgram()
env.AddPostAction(program, lambda target, source, env: boot_block.seal(Path(str(target[0]))))
env.Depends(program, str(generated / "link.ld"))
env.Append(
    BUILDERS={"Binary": Builder(action=env.VerboseAction("$OBJCOPY -O binary $SOURCES $TARGET", "Building $TARGET"))}
)
binary = env.Binary("$BUILD_DIR/firmware.bin", program)

AlwaysBuild(env.Alias("upload", program, env.VerboseAction(upload, "Uploading $SOURCE")))
AlwaysBuild(env.Alias("size", program, env.VerboseAction("$SIZETOOL -A -d $SOURCES", "Calculating size $SOURCE")))
Default([program, binary, env.Alias("size")])
