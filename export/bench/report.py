"""What a benchmark found, as data and as a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from contract.manifest import Memory


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

    `flash_code` is kernels and generated code with the parts of the C library they call, `flash_const` weights and other
    constants, `ram` the arena. `cycles_modelled` follows export.bench.cycles and holds for a Cortex-M4 only.
    """

    model: str
    board: str
    engine: str
    instructions: float
    cycles_modelled: float
    flash_code: int
    flash_const: int
    ram: int
    inputs: int
    differing_outputs: int
    layers: tuple[Layer, ...]
    functions: tuple[Function, ...]
    memory: Memory

    def table(self) -> Table:
        """Per-layer instructions, for a terminal."""
        table = Table(title=f"{self.model} on {self.board}, {self.engine}", title_justify="left")
        for heading in ("operator", "output", "MACs", "instructions", "MACs per instruction"):
            table.add_column(heading, justify="left" if heading in ("operator", "output") else "right")
        for layer in self.layers:
            rate = f"{layer.macs / layer.instructions:.2f}" if layer.macs else ""
            table.add_row(layer.op, layer.name, f"{layer.macs:,}", f"{layer.instructions:,.0f}", rate)
        macs = sum(layer.macs for layer in self.layers)
        rate = f"{macs / self.instructions:.2f}" if macs else ""
        table.add_section()
        table.add_row("one inference", "", f"{macs:,}", f"{self.instructions:,.0f}", rate)
        return table

    def profile(self) -> Table:
        """Instructions by function, for a terminal."""
        table = Table(title=f"{self.model} on {self.board}, {self.engine}", title_justify="left")
        for heading in ("function", "instructions", "share", "bytes"):
            table.add_column(heading, justify="left" if heading == "function" else "right")
        for function in self.functions:
            share = f"{function.instructions / self.instructions:.1%}"
            table.add_row(function.name, f"{function.instructions:,.0f}", share, f"{function.bytes:,}")
        return table

    def totals(self) -> str:
        """The lines that scripts look for: stable words, plain numbers."""
        return "\n".join(
            (
                f"instructions {self.instructions:.0f}",
                f"cycles_modelled {self.cycles_modelled:.0f}",
                f"flash_code {self.flash_code}",
                f"flash_const {self.flash_const}",
                f"ram {self.ram}",
                f"differing_outputs {self.differing_outputs} of {self.inputs} inputs",
            )
        )


def markdown(reports: Sequence[Report]) -> str:
    """One row a model."""
    lines = [
        "| model | instructions | MACs per instruction | cycles (model) | code, bytes | constants, bytes | RAM, bytes |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for report in reports:
        macs = sum(layer.macs for layer in report.layers)
        figures = (report.instructions, report.cycles_modelled, report.flash_code, report.flash_const, report.ram)
        instructions, cycles, *sizes = (f"{figure:,.0f}" for figure in figures)
        rate = f"{macs / report.instructions:.2f}"
        lines.append(f"| {report.model} | {instructions} | {rate} | {cycles} | {' | '.join(sizes)} |")
    return "\n".join(lines)
