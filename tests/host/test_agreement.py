"""Two emulators that agree and two that do not. Renode was not at hand: QEMU stands in for it, with another idea of its
instructions."""

import shutil
from dataclasses import replace

import pytest

from boards import Board, load
from contract.run_folder import RunFolder
from host import agreement
from host.agreement import Agreement, Counted
from host.emulator import RUNNERS, qemu

NUCLEO = load("nucleo")
COUNTED = Counted("qemu", 10_000, 100, 0, 0)


@pytest.mark.skipif(shutil.which(qemu.PROGRAM) is None, reason=f"{qemu.PROGRAM} is not installed")
@pytest.mark.parametrize(("more", "passed"), [(1.01, True), (0.96, False)])
def test_instruction_counts_may_be_two_per_cent_apart(
    more: float, passed: bool, digits: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def instructions(board: Board, ticks: float) -> float:
        return qemu.instructions(board, ticks) * more

    monkeypatch.setitem(RUNNERS, "renode", replace(RUNNERS["qemu"], instructions=instructions))
    found = agreement.run(digits, NUCLEO)
    assert found.apart == pytest.approx(max(more, 1 / more) - 1, abs=2e-3)  # an interrupt may fall into an inference
    assert found.passed is passed
    assert all(each.instructions > 10_000 and not each.lost and not each.differing for each in found.counted)
    agreement.show(found)
    shown = capsys.readouterr().out
    assert "qemu" in shown and "renode" in shown and f"{found.counted[0].instructions:,.0f}" in shown


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"instructions": 10_210}, "2.1% apart, expected at most 2%"),
        ({"lost": 1}, "renode lost 1 samples"),
        ({"differing": 3}, "decided 3 otherwise"),
    ],
)
def test_what_fails(change: dict[str, int], words: str) -> None:
    assert Agreement("b", 1, (COUNTED, replace(COUNTED, emulator="renode", instructions=10_199))).passed
    found = Agreement("b", 1, (COUNTED, replace(COUNTED, emulator="renode", **change)))  # type: ignore[arg-type]
    assert not found.passed and words in agreement.explain(found)
