"""Two emulators held against each other: the same samples through one image in both, decision by decision, instruction
by instruction.

    agreement = run(RunFolder(Path("runs/digits")), load("nucleo"))
    agreement.passed

An emulator that both of them are wrong about is none of this file's business: what a board must decide is in the test
vectors.
"""

import itertools
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.table import Table

from boards import Board
from contract import manifest as manifests
from contract.run_folder import RunFolder
from host import vectors
from host.emulator import RUNNERS
from host.policy import Turn
from host.session import Options, one_board

SAMPLES: Final = 20
"""Of the test split. Instructions of an inference are the same for every sample but for what the gate finds; a few
tell."""

TOLERANCE: Final = 0.02
"""How far two emulators' instruction counts may be apart: both read a timer of the board around an inference, and
QEMU's counts in steps of several instructions."""


@dataclass(frozen=True)
class Counted:
    """One emulator: instructions of a mean inference and of a mean decision, how many samples were lost, and how many
    the board decided otherwise than the test vectors say."""

    emulator: str
    instructions: float
    gate_instructions: float
    lost: int
    differing: int


@dataclass(frozen=True)
class Agreement:
    """`apart` is how far the most and the least instructions of an inference are apart, as a share of the least."""

    board: str
    samples: int
    counted: tuple[Counted, ...]

    @property
    def apart(self) -> float:
        found = [each.instructions for each in self.counted]
        return max(found) / min(found) - 1

    @property
    def passed(self) -> bool:
        return self.apart <= TOLERANCE and not any(each.lost or each.differing for each in self.counted)


def run(folder: RunFolder, board: Board, emulators: tuple[str, ...] = ("qemu", "renode")) -> Agreement:
    """Stream the first samples through each of host.emulator.RUNNERS named. Raises HostError or ManifestError for
    whatever stands in the way."""
    counted = tuple(_count(folder, board, emulator) for emulator in emulators)
    return Agreement(board.name, SAMPLES, counted)


def _count(folder: RunFolder, board: Board, emulator: str) -> Counted:
    manifest = manifests.load(folder.manifest)
    split, threshold = vectors.load(folder, manifest), manifest.gate.threshold
    outcomes = []
    with one_board(Options(run=folder, board=board, ports=(emulator,))) as lane:
        for sample in itertools.islice(split.samples(), SAMPLES):
            outcomes.append(lane.stream(sample, Turn(threshold)))
            if lane.error is not None:
                raise lane.error
    wanted = [split.expected(outcome.sample, threshold) for outcome in outcomes]
    of_one = RUNNERS[emulator].instructions(board, 1.0) / len(outcomes)
    return Counted(
        emulator,
        sum(outcome.infer_cycles or 0 for outcome in outcomes) * of_one,
        sum(outcome.gate_cycles or 0 for outcome in outcomes) * of_one,
        sum(outcome.lost is not None for outcome in outcomes),
        sum(
            (of.board_class, of.score, of.accepted, of.steps)
            != (said.board_class, said.score, said.accepted, said.steps)
            for of, said in zip(outcomes, wanted, strict=True)
        ),
    )


def show(agreement: Agreement) -> None:
    """Print what each emulator counted, and how far they are apart, on stdout."""
    table = Table(title=f"{agreement.board}, {agreement.samples} samples", caption=f"{agreement.apart:.2%} apart")
    for column in ("emulator", "instructions of an inference", "of the gate", "lost", "decided otherwise"):
        table.add_column(column, justify="left" if column == "emulator" else "right")
    for each in agreement.counted:
        numbers = f"{each.instructions:,.0f}", f"{each.gate_instructions:,.0f}"
        table.add_row(each.emulator, *numbers, str(each.lost), str(each.differing))
    Console().print(table)


def explain(agreement: Agreement) -> str:
    """Why the emulators do not agree, in one paragraph."""
    said = [f"{each.emulator} lost {each.lost} samples and decided {each.differing} otherwise than the test vectors"
            for each in agreement.counted if each.lost or each.differing]  # fmt: skip
    if agreement.apart > TOLERANCE:
        said.append(f"their instruction counts are {agreement.apart:.1%} apart, expected at most {TOLERANCE:.0%}")
    return f"The emulators of {agreement.board} do not agree: {'; '.join(said)}."
