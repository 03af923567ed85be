"""Whether an abstained sample may leave its board: said beforehand for all, said beforehand by class, or asked of a
person.

    rule = load("ask", seconds=30.0, path=Path("consent.toml"), classes=manifest.classes)
    rule.says(class_index)      # True, False, or None: ask

The policy file, TOML, says it by the board's own answer; a class that is not in it is asked about:

    [classes]
    yes = "always"
    stop = "never"

The board enforces it, not this: in `ask` it holds every abstained sample until a RELEASE for that very sample comes, in
`never` it keeps them all.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from host.errors import HostError
from host.messages.settings import DEFAULT_CONSENT_MS, Consent

MODES: Final = {mode.name.lower(): mode for mode in Consent}
SAYS: Final = {"always": True, "never": False}
FORM: Final = 'Write a table [classes] with lines such as yes = "always" or stop = "never".'


@dataclass(frozen=True)
class Rule:
    """`mode` is what the boards are told; in ASK, `by_class` answers for some class indices, and a person has `seconds`
    for the others."""

    mode: Consent = Consent.ALWAYS
    seconds: float = DEFAULT_CONSENT_MS / 1e3
    by_class: tuple[bool | None, ...] = ()

    def says(self, class_index: int) -> bool | None:
        return self.by_class[class_index] if class_index < len(self.by_class) else None


def load(mode: str, seconds: float, path: Path | None, classes: Sequence[str]) -> Rule:
    """Raises HostError for a file that cannot be read or names what is no class of the model."""
    if mode not in MODES:
        raise HostError(f"Consent {mode!r} is not known.", f"Known are: {', '.join(MODES)}.")
    if path is None:
        return Rule(MODES[mode], seconds)
    if MODES[mode] is not Consent.ASK:
        raise HostError(f"{path}: says by class what may leave a board, and --consent {mode} says it of all.",
                        "Leave one of the two out, or take --consent ask.")  # fmt: skip
    said = _read(path)
    for name, word in said.items():
        if name not in classes or word not in list(SAYS):
            raise HostError(
                f"{path}: classes.{name} is {word!r}, expected one of the model's classes ({', '.join(classes)}) and "
                f"{' or '.join(map(repr, SAYS))}.",
                FORM,
            )
    return Rule(MODES[mode], seconds, tuple(SAYS[said[name]] if name in said else None for name in classes))


def _read(path: Path) -> Mapping[str, str]:
    try:
        values = tomllib.loads(path.read_text())
    except OSError as error:
        raise HostError(f"{path}: cannot be read ({error.strerror}).", FORM) from None
    except ValueError as error:  # TOML, or UTF-8
        raise HostError(f"{path}: not TOML ({error}).", FORM) from None
    classes = values.pop("classes", None)
    if values or not isinstance(classes, dict):
        raise HostError(f"{path}: holds {', '.join(values) or 'no [classes]'}, expected [classes] alone.", FORM)
    return classes
