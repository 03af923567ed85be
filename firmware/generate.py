"""Files that every build generates: board.h, link.ld, messages.h, version.h. Standard library only.

generate(board, Path("build/generated"))
"""

import tomllib
from pathlib import Path
from typing import Final

from boards import Board
from boards.render import header, linker
from host.messages import c_header

PROJECT: Final = Path(__file__).parents[1] / "pyproject.toml"


def generate(board: Board, folder: Path) -> None:
    """Write the files for `board` into `folder`, which is created."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {
        "board.h": header.render(board),
        "link.ld": linker.render(board),
        "messages.h": c_header.render(),
        "version.h": version_header(),
    }.items():
        (folder / name).write_text(text, encoding="utf-8")


def version_header() -> str:
    """version.h: the name that HELLO carries, from pyproject.toml."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    return (
        "/* Rendered from pyproject.toml. */\n"
        "#ifndef VERSION_H\n#define VERSION_H\n\n"
        f'#define FIRMWARE_NAME "{project["name"]} {project["version"]}"\n\n'
        "#endif\n"
    )
