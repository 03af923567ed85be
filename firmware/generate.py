"""Files that every build generates: board.h, link.ld, messages.h, options.h, version.h; what its source of samples
needs beside them. Standard library only.

generate(board, Path("build/generated"), Consent.ALWAYS, source.find("vectors:32", run))
"""

import tomllib
from pathlib import Path
from typing import Final

from boards import Board
from boards.render import header, linker
from firmware.errors import FirmwareError
from firmware.source import NONE, Source
from host.messages import c_header
from host.messages.settings import Consent

CONSENT_VARIABLE: Final = "DEMUR_CONSENT"
"""Environment variable with the build's consent for `pio run`: always, ask or never."""

DEFAULT_CONSENT: Final = Consent.ALWAYS.name.lower()

PROJECT: Final = Path(__file__).parents[1] / "pyproject.toml"


def generate(board: Board, folder: Path, consent: Consent, source: Source = NONE) -> None:
    """Write the files for `board` into `folder`, which is created."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {
        "board.h": header.render(board),
        "link.ld": linker.render(board),
        "messages.h": c_header.render(),
        "options.h": options_header(consent, source),
        "version.h": version_header(),
        **source.headers,
    }.items():
        (folder / name).write_text(text, encoding="utf-8")


def consent_of(name: str) -> Consent:
    """Consent by its name in lower case. Raises FirmwareError for any other."""
    for consent in Consent:
        if consent.name.lower() == name:
            return consent
    known = ", ".join(consent.name.lower() for consent in Consent)
    raise FirmwareError(f"Unknown consent {name!r}.", f"Choose one of {known}, with --consent or {CONSENT_VARIABLE}.")


def options_header(consent: Consent, source: Source) -> str:
    """options.h: what was chosen for this build."""
    return (
        "/* Rendered for this build. */\n"
        "#ifndef OPTIONS_H\n#define OPTIONS_H\n\n"
        '#include "messages.h"\n\n'
        f"#define OPTION_CONSENT MESSAGE_CONSENT_{consent.name} /* the least that a host can ask for */\n"
        f"#define OPTION_SOURCE {int(source.file is not None)} /* whether there is a source of samples: source.h */\n"
        f'#define OPTION_SOURCE_NAME "{source.name}"\n'
        f"#define OPTION_SOURCE_COUNT {source.count}u /* its samples, 0 if nobody knows */\n\n"
        "#endif\n"
    )


def version_header() -> str:
    """version.h: the name that HELLO carries, from pyproject.toml."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    return (
        "/* Rendered from pyproject.toml. */\n"
        "#ifndef VERSION_H\n#define VERSION_H\n\n"
        f'#define FIRMWARE_NAME "{project["name"]} {project["version"]}"\n\n'
        "#endif\n"
    )
