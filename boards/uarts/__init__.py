"""UARTs, one file per peripheral version. Each has its twin `uart_<driver>.c` in firmware/hal.

A version is a frozen dataclass whose fields are the keys of the TOML's [uart] table and which has the members of
`Uart`; it has its place in UARTS. `DRIVER` is what the TOML's `driver` says.
"""

from typing import ClassVar, Final, Protocol

from boards.uarts import cmsdk_uart, nrf51_uart, pl011, stm32_usart, stm32_usart_v2


class Uart(Protocol):
    """A UART, 8 data bits, no parity, 1 stop bit."""

    DRIVER: ClassVar[str]

    @property
    def base(self) -> int:
        """Address of the first register."""

    @property
    def interrupt(self) -> int:
        """Number of the receive interrupt, from 0 (exception number minus 16)."""

    @property
    def baud(self) -> int: ...

    @property
    def bus(self) -> str:
        """The clock it counts: a bus of the board's clock tree."""

    def divisor(self, bus_hz: int) -> int:
        """Value of the baud rate register."""

    def actual_baud(self, bus_hz: int) -> float:
        """What the divisor gives."""

    def check(self) -> None:
        """Raises boards.errors.Implausible for the first value that cannot be right."""

    def words(self) -> dict[str, str]:
        """Further definitions for board.h, as C text, by name without the BOARD_UART_ prefix."""


UARTS: Final[tuple[type[Uart], ...]] = (
    cmsdk_uart.CmsdkUart,
    nrf51_uart.Nrf51Uart,
    pl011.Pl011,
    stm32_usart.Stm32Usart,
    stm32_usart_v2.Stm32UsartV2,
)
