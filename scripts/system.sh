#!/bin/sh
# Installs the system packages that the project's verbs call, and asks for root only when one of them is missing.
#
#   make g++                 compile generated C and C++ for this PC, in the tests
#   gcc-arm-none-eabi        compile the firmware
#   libnewlib-arm-none-eabi  memcpy and memset of the firmware
#   qemu-system-arm          the emulated board of `make demo` and `make test`
#   openocd                  `make flash`; without it, and without root, everything else works
#   clang libclang-rt-dev    libFuzzer, on the parsers in C; without them those tests are skipped
#   python3.11-venv          .venv, where Debian keeps venv apart from Python (not needed beside uv)
set -eu

missing=""
need() { # command (or file) that must be there, package that brings it
    [ -e "$1" ] || command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need make make
need g++ g++
need arm-none-eabi-gcc gcc-arm-none-eabi
if command -v apt-get >/dev/null 2>&1; then
    need /usr/lib/arm-none-eabi/newlib/nano.specs libnewlib-arm-none-eabi # other systems keep it elsewhere
    if ! command -v uv >/dev/null 2>&1 && ! "${PYTHON311:-python3.11}" -c 'import ensurepip, venv' >/dev/null 2>&1 &&
        ! python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, 11))' >/dev/null 2>&1; then
        missing="$missing python3.11-venv"
    fi
fi
need qemu-system-arm qemu-system-arm
needed=$missing
missing=""
need openocd openocd
need clang "clang libclang-rt-dev"
optional=$missing
[ -n "$needed$optional" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    [ -n "$needed" ] || exit 0
    echo "error: missing:$needed. Install them with your system's package manager (the names are Debian's)." >&2
    exit 2
fi
if [ "$(id -u)" -eq 0 ]; then
    root=""
elif command -v sudo >/dev/null 2>&1; then
    root="sudo"
else
    [ -n "$needed" ] || exit 0
    echo "error: missing:$needed, and this is neither root nor is there sudo. As root: apt-get install$needed" >&2
    exit 2
fi
install() {
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}
echo "Installing system packages:$needed$optional (scripts/system.sh says what each is for)." >&2
$root apt-get update -qq >&2
# shellcheck disable=SC2086 # lists of package names
{
    [ -z "$needed" ] || install $needed
    [ -z "$optional" ] || install $optional || echo "Without$optional the rest works." >&2
}
