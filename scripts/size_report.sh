#!/bin/sh
# What the code here costs in flash and RAM, compared with another checkout: the same trained model, exported and built for every board by
# each of them with the Python environment of this one. Markdown on stdout, the rest on stderr.
#
#   sh scripts/size_report.sh ../main [runs/digits]
#
# Boards that only one of the two knows are in the table as new or gone. The other checkout's copy of the run folder is overwritten.
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    echo "usage: sh scripts/size_report.sh OTHER_CHECKOUT [RUN]" >&2
    exit 2
fi
run=${2:-runs/digits}
cd "$(dirname "$0")/.."
here=$PWD
python=${PYTHON:-$here/.venv/bin/python}
[ -e "$run/base.pt" ] || { echo "error: $run: no trained model. Run make train first." >&2 && exit 2; }
[ -d "$1/boards" ] || { echo "error: $1: not a checkout of this project." >&2 && exit 2; }
other=$(cd "$1" && pwd)
[ "$other" != "$here" ] || { echo "error: $1 is this checkout: name another one." >&2 && exit 2; }

build_all() { # in the checkout $1: its own modules come first, whatever is installed
    cd "$1"
    PYTHONPATH=$1 && export PYTHONPATH
    rm -rf "$run/firmware"
    "$python" -m export "$run" --board nucleo >&2
    for board in $("$python" -m boards --json | "$python" -c 'import json, sys; print(*(board["name"] for board in json.load(sys.stdin)))'); do
        "$python" -m firmware build --run "$run" --board "$board" >&2
    done
}

mkdir -p "$other/$(dirname "$run")"
rm -rf "${other:?}/$run"
cp -r "$run" "$other/$run"
(build_all "$here")
(build_all "$other")
printf '### Flash and RAM of `%s`, compared with %s\n\n' "$(basename "$run")" "$(basename "$other")"
PYTHONPATH=$here "$python" -m firmware size --run "$run" --against "$other/$run"
