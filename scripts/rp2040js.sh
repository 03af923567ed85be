#!/bin/sh
# Installs rp2040js, the emulator of the Raspberry Pi Pico, into node_modules: the release in which the firmware was seen to run.
set -eu
cd "$(dirname "$0")/.."
version=1.4.1
if ! command -v npm >/dev/null 2>&1; then
    echo "error: npm, which brings rp2040js, is not on PATH. Install Node.js 18 or newer with it (Debian: apt-get install nodejs npm)." >&2
    exit 2
fi
npm install --no-save --no-package-lock --no-audit --no-fund --silent "rp2040js@$version" >&2
