#!/bin/sh
# Builds .venv with Python 3.11 and everything that training, export, firmware, host and tests need. Returns at once when
# nothing changed since the last time. Python 3.11 exactly, because the export stack has no wheels for later versions.
set -eu
cd "$(dirname "$0")/.."

sh scripts/system.sh

stamp=.venv/setup.stamp
wanted=$(cat pyproject.toml scripts/setup.sh | cksum)
[ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ] || exit 0

is_311() { "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, 11))' >/dev/null 2>&1; }
python=""
for candidate in "${PYTHON311:-python3.11}" python3; do
    if is_311 "$candidate"; then python=$candidate && break; fi
done
if [ -x .venv/bin/python ] && ! .venv/bin/python -c 'import pip, sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
    echo "error: .venv is of another Python than 3.11, or has no pip. Remove the folder and run make setup again." >&2
    exit 2
elif [ -x .venv/bin/python ]; then
    :
elif [ -n "$python" ]; then
    "$python" -m venv .venv
elif command -v uv >/dev/null 2>&1; then
    uv venv --quiet --seed --python 3.11 .venv
else
    echo "error: no Python 3.11 with its venv module was found (looked for python3.11 and python3)." \
        "Install it (Debian 12: apt-get install python3.11-venv), or install uv, which fetches it:" \
        "https://docs.astral.sh/uv/; or name an interpreter in PYTHON311." >&2
    exit 2
fi

# The default index has torch with CUDA, gigabytes that are of no use here: prefer PyTorch's index of CPU builds.
cpu_index=https://download.pytorch.org/whl/cpu
extra=""
if .venv/bin/python -c "import urllib.request as u; u.urlopen('$cpu_index/', timeout=5)" >/dev/null 2>&1; then
    extra="--extra-index-url $cpu_index"
fi

echo "Installing the Python packages into .venv (3.6 GB; a minute or a few, log in .venv/setup.log)." >&2
# shellcheck disable=SC2086 # two words or none
if ! .venv/bin/python -m pip install --disable-pip-version-check $extra -e '.[dev]' >.venv/setup.log 2>&1; then
    tail -n 15 .venv/setup.log >&2
    echo "error: pip failed (its last lines are above, all of them in .venv/setup.log)." \
        "Check the network and the free disk space, then run make setup again." >&2
    exit 2
fi
echo "$wanted" >"$stamp"
