"""PlatformIO's SCons package, made of the SCons that pip installed, so that a build needs no network.

PlatformIO runs SCons as `python <packages>/tool-scons/scons.py`, and would download that package from its registry.
The package is SCons of a certain version and nothing else; where PyPI's `scons` of that version is installed, three
small files stand in for it: package.json, .piopm (PlatformIO's record of what is installed) and scons.py. Standard
library only.
"""

import ast
import importlib.metadata
import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Final

NAME: Final = "tool-scons"

SCRIPT: Final = """\
import sys

sys.path.append({folder!r})  # where SCons was found: another Python may run this

import SCons.Script
SCons.Script.main()
"""


def package_version(scons_version: str) -> str:
    """PlatformIO's version number of an SCons release: 4.11.1 is 4.41101.0."""
    major, minor, patch = (int(part) for part in scons_version.split(".")[:3])
    return f"4.{major}{minor:02}{patch:02}.0"


def seed(packages: Path) -> None:
    """Put the package under `packages`, unless one is there or SCons is not installed: then PlatformIO downloads it.

    PlatformIO compares the version with what it requires, so an SCons of another version is not used by mistake.
    """
    folder = packages / NAME
    if folder.exists() and not _left_behind(folder):
        return
    try:
        scons = importlib.metadata.distribution("scons")
    except importlib.metadata.PackageNotFoundError:
        return
    version = package_version(scons.version)
    shutil.rmtree(folder, ignore_errors=True)
    packages.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=packages.parent))  # then moved into place: another build may be doing the same
    description = {"name": NAME, "version": version, "description": "SCons, from the Python environment"}
    (made / "package.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    (made / "scons.py").write_text(SCRIPT.format(folder=str(scons.locate_file(""))), encoding="utf-8")
    record = {
        "type": "tool",
        "name": NAME,
        "version": version,
        "spec": {"owner": "platformio", "id": None, "name": NAME, "requirements": None, "uri": None},
    }
    (made / ".piopm").write_text(json.dumps(record), encoding="utf-8")
    try:
        made.rename(folder)
    except OSError:  # the other build was first
        shutil.rmtree(made)
        if not folder.exists():
            raise


def _left_behind(folder: Path) -> bool:
    """Whether it is a package of ours whose SCons is gone, with the Python that it was installed for."""
    script = folder / "scons.py"
    text = script.read_text(encoding="utf-8") if script.is_file() else ""
    found = re.search(r"^sys\.path\.append\((.*?)\)  #", text, re.MULTILINE)
    return found is not None and not (Path(ast.literal_eval(found[1])) / "SCons").is_dir()
