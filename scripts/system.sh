#!/bin/sh
# Installs the system packages that the project's verbs call, and asks for root only when one of them is missing.
#
#   gcc make                 compile generated C for this PC, in the tests
#   gcc-arm-none-eabi        compile the firmware
#   libnewlib-arm-none-eabi  memcpy and memset of the firmware
#   qemu-system-arm          the emulated board of `make demo` and `make test`
#   openocd                  `make flash`
set -eu

missing=""
need() { # command (or file) that must be there, package that brings it
    [ -e "$1" ] || command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need g++ g++
need make make
need arm-none-eabi-gcc gcc-arm-none-eabi
need /usr/lib/arm-none-eabi/newlib/nano.specs libnewlib-arm-none-eabi
need qemu-system-arm qemu-system-arm
need openocd openocd
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "error: missing:$missing. Install them with your system's package manager (the names are Debian's)." >&2
    # A distribution may keep nano.specs elsewhere: only the commands decide.
    command -v arm-none-eabi-gcc >/dev/null 2>&1 && command -v qemu-system-arm >/dev/null 2>&1 && exit 0
    exit 2
fi
if [ "$(id -u)" -eq 0 ]; then
    root=""
elif command -v sudo >/dev/null 2>&1; then
    root="sudo"
else
    echo "error: missing:$missing, and this is neither root nor is there sudo. As root: apt-get install$missing" >&2
    exit 2
fi
echo "Installing system packages:$missing (toolchain, emulator and flash tool; see scripts/system.sh)." >&2
$root apt-get update -qq >&2
# shellcheck disable=SC2086 # a list of package names
$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2
