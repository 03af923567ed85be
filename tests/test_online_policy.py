"""Online policies against an emulated board: its threshold moves with every sample, and it decides by the one in
force."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from conftest import run_module
from contract.run_folder import RunFolder
from host import recording
from host.policy import NOTHING, Settings, Turn, make

LIMIT = 150
SETTINGS = Settings(query_share=0.2, mistake_rate=0.02, experts=16, seed=7)

pytestmark = pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")


@pytest.mark.parametrize("name", ["online-1", "online-2"])
def test_the_board_follows_the_policy(digits: RunFolder, tmp_path: Path, name: str) -> None:
    folder = RunFolder(tmp_path / "digits")
    shutil.copytree(digits.path, folder.path)
    result = run_module("host", "run", "--run", folder.path, "--board", "nucleo", "--port", "emulator", "--limit", LIMIT,
                        "--policy", name, "--query-share", "0.2", "--mistake-rate", "0.02", "--experts", "16",
                        "--seed", "7")  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    summary = json.loads(folder.summary.read_text())
    assert (summary["samples"], summary["compared"], summary["disagreements"], summary["lost"]) == (LIMIT, LIMIT, 0, 0)

    vectors, again = np.load(folder.vectors), make(name, SETTINGS)
    mistakes = abstentions = queries = 0
    for line in map(vars, recording.outcomes(folder.session)):
        turn, index = again.turn(), line["sample"]
        assert Turn(line["threshold"], line["queried"]) == turn
        score, predicted = int(vectors["score"][index]), int(vectors["predicted"][index])
        assert (line["score"], line["board_class"]) == (score, predicted)
        assert line["accepted"] == (score >= turn.threshold)
        assert (line["large_class"] is None) == line["accepted"]
        assert line["queried"] == (turn.threshold == NOTHING)
        again.learn(turn, score, predicted, line["large_class"])
        assert line["experts"] == len(again.left)
        mistakes += line["accepted"] and predicted != vectors["label"][index]
        abstentions += not line["accepted"]
        queries += line["queried"]
    last = summary["course"][-1]
    assert (last["mistakes"], last["abstentions"], last["queries"]) == (mistakes, abstentions, queries)
    assert 0 < queries <= abstentions < LIMIT
    assert summary["threshold"] == again.final
    assert tuple(summary["policy"]["left"]) == again.left
