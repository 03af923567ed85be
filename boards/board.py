"""What a board file holds, as types. The TOML has the same tables and keys, except `name`: the file's own name.

Sizes are in bytes, frequencies in hertz, addresses as the core sees them.
"""

from dataclasses import dataclass

from boards.clocks import Clock
from boards.ticks import SYSTICK, Ticks
from boards.uarts import Uart


@dataclass(frozen=True)
class Identity:
    """Where a chip says what it is, so that an image goes to no other one of its family: the word at the address
    `register`, of which the bits of `mask` are one of `ids`."""

    register: int
    mask: int
    ids: tuple[int, ...]


@dataclass(frozen=True)
class Write:
    """A `word` and the address of the `register` that it is written to."""

    register: int
    word: int


@dataclass(frozen=True)
class Chip:
    """The microcontroller. `core` and `fpu` are one of boards.cores.CORES; `boot` is what its boot ROM runs before the vectors,
    firmware/hal/boot_<boot>.c, if it has such a stage; `identity` is what a debug probe may read of it before it writes;
    `debug_open` what an image writes at each start, where the chip otherwise keeps its debug port locked."""

    part: str
    core: str
    fpu: str
    identity: Identity | None = None
    boot: str | None = None
    debug_open: Write | None = None


@dataclass(frozen=True)
class Region:
    """A contiguous stretch of memory."""

    origin: int
    length: int


@dataclass(frozen=True)
class Memory:
    """Where code and data go. `stack` bytes are reserved at the bottom of `ram`."""

    flash: Region
    ram: Region
    stack: int


@dataclass(frozen=True)
class Budget:
    """How much of the memory an image may take, stack included; all of it unless the board file says less."""

    flash: int
    ram: int


@dataclass(frozen=True)
class Probe:
    """The debug probe through which the board is flashed, and what each tool of firmware/flash takes to use it.

    `usb` is VID:PID of the probe, and of the serial port that it offers, of each version of the board; `openocd` the
    configurations that OpenOCD ships, blanks in between; `pyocd` pyOCD's name of the target; `mbed_ids` the four digits
    with which the board's code may begin in the files of a volume that programs what is copied to it; `without` is how
    to program a board that has no probe of its own, where none of those tools does it.
    """

    usb: tuple[str, ...]
    openocd: str
    pyocd: str | None = None
    mbed_ids: tuple[str, ...] = ()
    without: str | None = None


@dataclass(frozen=True)
class Uf2:
    """A bootloader with a volume that takes UF2 files. `board_id` is the Board-ID of its INFO_UF2.TXT, `family` the
    family of chips that the blocks of a file name."""

    board_id: str
    family: int


@dataclass(frozen=True)
class Qemu:
    """The QEMU machine that runs this board's image.

    `serial_index` counts QEMU's -serial options from 0; with `-icount shift=icount_shift` one instruction takes
    2^icount_shift ns, while the board's time base (SysTick, mostly) counts at `ticks_hz`.
    """

    machine: str
    serial_index: int
    ticks_hz: int
    icount_shift: int


@dataclass(frozen=True)
class Renode:
    """The board as a Renode platform (boards/render/renode.py). `uart` is the name that the link's UART has there."""

    uart: str


@dataclass(frozen=True)
class Rp2040js:
    """The emulator rp2040js runs this board's image. There is nothing to choose."""


@dataclass(frozen=True)
class Emulator:
    """The emulators that model this board or a sibling of it."""

    qemu: Qemu | None = None
    renode: Renode | None = None
    rp2040js: Rp2040js | None = None


@dataclass(frozen=True)
class Board:
    """A board, checked by boards.load."""

    name: str
    title: str
    vendor: str
    url: str
    chip: Chip
    memory: Memory
    budget: Budget
    clock: Clock
    uart: Uart
    ticks: Ticks = SYSTICK
    aliases: tuple[str, ...] = ()
    probe: Probe | None = None
    uf2: Uf2 | None = None
    emulator: Emulator = Emulator()

    @property
    def short_name(self) -> str:
        """What people type: the first alias, else the name. Also the PlatformIO environment."""
        return self.aliases[0] if self.aliases else self.name
