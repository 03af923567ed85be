"""What may follow the name of a model from elsewhere: `large.onnx?output=logits&layout=nchw`.

output    probabilities or logits: what it answers; by default what its answers to a few samples look like
tensor    name of the output with the classes, if more than one could be it
layout    one of host.backend.layout.LAYOUTS, if more than one fits its input
timeout   seconds that a server has for one request, by default 1: a second attempt fits in a board's deadline
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from host.backend.layout import LAYOUTS
from host.errors import HostError

PROBABILITIES: Final = "probabilities"
LOGITS: Final = "logits"

CHOICES: Final = {"output": (PROBABILITIES, LOGITS), "layout": LAYOUTS}


@dataclass(frozen=True)
class Options:
    """As above; None for the default."""

    output: str | None = None
    tensor: str | None = None
    layout: str | None = None
    timeout: float = 1.0


def split(spec: str) -> tuple[str, Options]:
    """A path or URL, and its options. Raises HostError for an option that does not exist."""
    location, _, rest = spec.partition("?")
    said: dict[str, str] = {}
    for name, value in parse_qsl(rest, keep_blank_values=True):
        if name not in Options.__dataclass_fields__:
            raise HostError(
                f"{spec}: unknown option {name!r} of a large model.",
                f"Known ones: {', '.join(Options.__dataclass_fields__)}.",
            )
        if value not in CHOICES.get(name, (value,)) or not value:
            known = f": one of {', '.join(CHOICES[name])}" if name in CHOICES else ""
            raise HostError(f"{spec}: {name} is {value!r}.", f"Give {name} a value{known}.")
        said[name] = value
    timeout = said.pop("timeout", None)
    if timeout is None:
        return location, Options(**said)  # type: ignore[arg-type]
    try:
        seconds = float(timeout)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < float("inf"):
        raise HostError(f"{spec}: timeout is {timeout!r}.", "Give a number of seconds above 0.")
    return location, Options(**said, timeout=seconds)
