"""TOML values to the dataclasses of boards.board: every key known, every type right, nothing missing.

The dataclasses are the schema. Where a field is a `Clock`, a `Ticks` or a `Uart`, the key `driver` of its table says
which class.
"""

import dataclasses
import difflib
import types
import typing
from collections.abc import Collection
from typing import Any, Final

from boards.clocks import CLOCKS, Clock
from boards.errors import Implausible
from boards.ticks import TICKS, Ticks
from boards.uarts import UARTS, Uart

DRIVERS: Final[dict[Any, dict[str, type[Any]]]] = {
    Clock: {clock.DRIVER: clock for clock in CLOCKS},
    Ticks: {ticks.DRIVER: ticks for ticks in TICKS},
    Uart: {uart.DRIVER: uart for uart in UARTS},
}

NAMES: Final = {int: "an integer", str: "a string", bool: "true or false", dict: "a table", list: "an array"}


def nearest(name: str, known: Collection[str]) -> str:
    """The known name that looks most like `name`; `known` is not empty."""
    return difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]


def table(kind: Any, value: Any, where: str, **given: Any) -> Any:
    """A table to an instance of the dataclass `kind`; `given` fields come from elsewhere and are not allowed as keys.

    Raises Implausible naming the key, what was found and what was expected.
    """
    _expect(dict, value, where)
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind) if field.name not in given}
    for key in value:
        if key not in fields:
            raise Implausible(
                f"{where}.{key}".removeprefix("."), "is not a known key.", f"Nearest known key: {nearest(key, fields)}."
            )
    for name, field in fields.items():
        if name not in value and field.default is dataclasses.MISSING:
            raise Implausible(f"{where}.{name}".removeprefix("."), "is missing.", "Add it, with its source.")
    parsed = {name: _value(hints[name], value[name], f"{where}.{name}".removeprefix(".")) for name in value}
    return kind(**parsed, **given)


def _value(kind: Any, value: Any, where: str) -> Any:
    if kind in DRIVERS:
        return _driven(DRIVERS[kind], value, where)
    if dataclasses.is_dataclass(kind):
        return table(kind, value, where)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:  # X | None: TOML has no null, so a value that is there is an X
        return _value(arguments[0], value, where)
    if origin is tuple:
        _expect(list, value, where)
        return tuple(_value(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    _expect(kind, value, where)
    return value


def _driven(drivers: dict[str, type[Any]], value: Any, where: str) -> Any:
    _expect(dict, value, where)
    if "driver" not in value:
        raise Implausible(f"{where}.driver", "is missing.", f"Known drivers: {', '.join(drivers)}.")
    rest = dict(value)
    driver = rest.pop("driver")
    _expect(str, driver, f"{where}.driver")
    if driver not in drivers:
        raise Implausible(
            f"{where}.driver",
            f"is {driver!r}, which is not a known driver ({', '.join(drivers)}).",
            f"Nearest: {nearest(driver, drivers)}.",
        )
    return table(drivers[driver], rest, where)


def _expect(kind: type, value: Any, where: str) -> None:
    if type(value) is not kind:  # exactly: bool is an int to isinstance
        raise Implausible(
            where or "the file", f"is {value!r}, expected {NAMES[kind]}.", "Correct the type; units are in the name."
        )
