"""The pins of an STM32's UART, and the clocks that it and they need: what is the same for every version of ST's USART.

Two versions of the GPIO port are known, by the registers that say what a pin is; twins of firmware/hal/stm32_port_*.h.
"""

from dataclasses import dataclass
from typing import Final

from boards.errors import Implausible

PORTS: Final = ("moder", "crl")
"""MODER, PUPDR, AFRL and so on: nearly every STM32 (RM0390 chapter 7). CRL and CRH: the STM32F1 (RM0041 chapter 7)."""


@dataclass(frozen=True)
class Bit:
    """A bit of a register."""

    register: int
    bit: int


@dataclass(frozen=True)
class Pin:
    """A pin of the GPIO port at address `gpio`. `function` is what makes it the UART's: the number of the alternate
    function, or on ports with CRL its four bits there, CNF and MODE."""

    name: str
    gpio: int
    pin: int
    function: int


def check(ports: str, enable: tuple[Bit, ...], pins: tuple[Pin, ...]) -> None:
    """Raises Implausible for the first value that cannot be right."""
    if ports not in PORTS:
        raise Implausible("uart.ports", f"is {ports!r}, expected one of {', '.join(PORTS)}.", "Correct it.")
    for index, bit in enumerate(enable):
        if bit.register % 4 or not 0 <= bit.bit < 32:
            raise Implausible(
                f"uart.enable[{index}]",
                f"is bit {bit.bit} of {bit.register:#x}, expected bit 0 to 31 of an aligned register.",
                "See the registers of the RCC in the reference manual.",
            )
    for index, pin in enumerate(pins):
        if not 0 <= pin.pin < 16 or not 0 <= pin.function < 16:
            raise Implausible(
                f"uart.pins[{index}]",
                f"is pin {pin.pin}, function {pin.function}, expected both in 0 to 15.",
                "See the alternate functions in the data sheet.",
            )


def words(ports: str, enable: tuple[Bit, ...], pins: tuple[Pin, ...]) -> dict[str, str]:
    """Definitions for board.h, as boards.uarts.Uart.words()."""
    bits = ", ".join(f"{{{bit.register:#010x}u, {bit.bit}u}}" for bit in enable)
    functions = ", ".join(f"{{{pin.gpio:#010x}u, {pin.pin}u, {pin.function}u}}" for pin in pins)
    return {"PORTS": f'"stm32_port_{ports}.h"', "ENABLE": f"{{{bits}}}", "PINS": f"{{{functions}}}"}
