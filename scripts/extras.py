"""Whether each extra of pyproject.toml is enough for what it is for: installed alone, in an environment of its own,
then imported and called.

    python3.11 scripts/extras.py               all of them, one after the other
    python3.11 scripts/extras.py host serve    these
    python3.11 scripts/extras.py --list        their names as JSON

Of an extra every package that it names must be importable, and the commands of COMMANDS must say what they do, with
--help, which imports what they need. The last line tells how many failed; exit code 1 if any did. Standard library
only; a folder --keep holds the environments afterwards. `train` and `export` download gigabytes.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]

COMMANDS: Final = {
    "camera": ("boards", "host"),
    "dev": ("boards", "train", "export", "firmware", "host", "pytest", "ruff", "mypy"),
    "export": ("boards", "train", "export"),
    "firmware": ("boards", "firmware", "platformio"),
    "host": ("boards", "host", "host run", "host monitor", "host doctor", "host bench", "host replay"),
    "microphone": ("boards", "host"),
    "serve": ("boards", "host"),
    "train": ("boards", "train"),
}
"""Modules to call with --help, with the command where there are several."""

BESIDE: Final = {"camera": "host", "microphone": "host", "serve": "host"}
"""Extras that add to another and are installed with it, as README.md says."""

CPU_INDEX: Final = "https://download.pytorch.org/whl/cpu"
"""PyTorch's own builds without CUDA, where they can be reached, as in scripts/setup.sh."""

IMPORTS: Final = """
import importlib, importlib.metadata, re, sys
extras = set(sys.argv[1].split(","))
wanted = set()
for line in importlib.metadata.requires("demur"):
    if any(re.search(f"extra == .{extra}.", line) for extra in extras) and not line.startswith("demur"):
        wanted.add(re.sub("[-_.]+", "-", re.match(r"[\\w.-]+", line)[0]).lower())
modules = {}
for module, distributions in importlib.metadata.packages_distributions().items():
    for name in distributions:
        modules.setdefault(re.sub("[-_.]+", "-", name).lower(), []).append(module)
for name in sorted(wanted):
    importable = [module for module in modules.get(name, []) if re.fullmatch(r"[a-zA-Z]\\w*", module)]
    for module in importable:
        importlib.import_module(module)
    print(f"  {name}: {', '.join(sorted(importable)) or 'no module, a command'}")
"""


def extras() -> tuple[str, ...]:
    """Names in the order of pyproject.toml."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return tuple(document["project"]["optional-dependencies"])


def check(extra: str, folder: Path, index: list[str]) -> str | None:
    """Install and try one; what went wrong in a line, None if nothing did."""
    names = ",".join(filter(None, (BESIDE.get(extra), extra)))
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    steps = [
        ("install", [python, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", *index, "-e", f"{ROOT}[{names}]"]),
        ("agree", [python, "-m", "pip", "check", "--disable-pip-version-check"]),
        ("import", [python, "-c", IMPORTS, names]),
        *((command, [python, "-m", *command.split(), "--help"]) for command in COMMANDS[extra]),
    ]  # fmt: skip
    for name, command in steps:
        result = subprocess.run([str(word) for word in command], cwd=ROOT, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            sys.stderr.write(result.stdout + result.stderr)
            return f"{name} failed"
        if name == "import":
            print(result.stdout, end="", flush=True)
    return None


def main() -> int:
    known = extras()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("extras", nargs="*", metavar="EXTRA", help=f"of {', '.join(known)} (default: all)")
    parser.add_argument("--list", action="store_true", help="print the names as JSON, and do nothing")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where the environments are made and stay")
    arguments = parser.parse_args()
    if arguments.list:
        print(json.dumps(known))
        return 0
    if unknown := [extra for extra in arguments.extras if extra not in known]:
        parser.error(f"unknown extra {', '.join(unknown)}; known: {', '.join(known)}")
    index = ["--extra-index-url", CPU_INDEX] if os.environ.get("CI") else []
    place = arguments.keep or Path(tempfile.mkdtemp(prefix="demur-extras-"))
    failed = 0
    for extra in arguments.extras or known:
        print(f"{extra}", flush=True)
        trouble = check(extra, place / extra, index)
        failed += trouble is not None
        print(f"  {trouble or 'works'}", flush=True)
    if not arguments.keep:
        shutil.rmtree(place)
    print(f"{failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
