"""What a benchmark found, as data and as a table."""

from dataclasses import dataclass

from rich.table import Table

from contract.manifest import Memory
from export.bench.flash import Part


@dataclass(frozen=True)
class Layer:
    """One operator: executed instructions of one inference, mean over the inputs."""

    op: str
    name: str
    macs: int
    instructions: float


@dataclass(frozen=True)
class Function:
    """A C function of the image: executed instructions of one inference, and its size in bytes."""

    name: str
    instructions: float
    bytes: int


@dataclass(frozen=True)
class Report:
    """Counts are of one inference, mean over `inputs` inputs; sizes in bytes.

    `flash_code` is kernels and generated code with the parts of the C library they call, `flash_const` weights and
    other constants, `flash` both by part, `ram` the arena. `cycles_modelled` follows export.bench.cycles, whose table
    is that of one core: None on the others. `small` says that the code was made for size.
    """

    model: str
    board: str
    core: str
    engine: str
    small: bool
    instructions: float
    cycles_modelled: float | None
    flash_code: int
    flash_const: int
    ram: int
    inputs: int
    differing_outputs: int
    layers: tuple[Layer, ...]
    functions: tuple[Function, ...]
    flash: tuple[Part, ...]
    memory: Memory

    @property
    def title(self) -> str:
        return f"{self.model} on {self.board}, {self.core}, {self.engine}{', small code' if self.small else ''}"

    @property
    def macs(self) -> int:
        return sum(layer.macs for layer in self.layers)

    def table(self) -> Table:
        """Per-layer instructions, for a terminal."""
        table = Table(title=self.title, title_justify="left")
        for heading in ("operator", "output", "MACs", "instructions", "MACs per instruction"):
            table.add_column(heading, justify="left" if heading in ("operator", "output") else "right")
        for layer in self.layers:
            rate = f"{layer.macs / layer.instructions:.2f}" if layer.macs else ""
            table.add_row(layer.op, layer.name, f"{layer.macs:,}", f"{layer.instructions:,.0f}", rate)
        rate = f"{self.macs / self.instructions:.2f}" if self.macs else ""
        table.add_section()
        table.add_row("one inference", "", f"{self.macs:,}", f"{self.instructions:,.0f}", rate)
        return table

    def flash_by_part(self) -> str:
        """One line a part."""
        lines = ["   flash  part", *(f"{part.bytes:8}  {part.part}" for part in self.flash)]
        return "\n".join([*lines, f"{self.flash_code + self.flash_const:8}  in all"])

    def profile(self) -> Table:
        """Instructions by function, for a terminal."""
        table = Table(title=self.title, title_justify="left")
        for heading in ("function", "instructions", "share", "bytes"):
            table.add_column(heading, justify="left" if heading == "function" else "right")
        for function in self.functions:
            share = f"{function.instructions / self.instructions:.1%}"
            table.add_row(function.name, f"{function.instructions:,.0f}", share, f"{function.bytes:,}")
        return table

    def totals(self) -> str:
        """The lines that scripts look for: stable words, plain numbers, - for what the core has no figure of."""
        cycles = "-" if self.cycles_modelled is None else f"{self.cycles_modelled:.0f}"
        return "\n".join(
            (
                f"instructions {self.instructions:.0f}",
                f"cycles_modelled {cycles}",
                f"flash_code {self.flash_code}",
                f"flash_const {self.flash_const}",
                f"ram {self.ram}",
                f"differing_outputs {self.differing_outputs} of {self.inputs} inputs",
            )
        )
