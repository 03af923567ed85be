"""Runs with a router: files, figures computed again from them, weights of the alternation, and going on after a
kill."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from contract.run_folder import RunFolder
from export.pipeline import load
from train import config, data, hybrid, loop, models, routers, run
from train.__main__ import table
from train.abstain import entropy
from train.abstain import router as score
from train.data import Splits
from train.evaluation.hybrid import accuracy
from train.models import cost
from train.routers.router import Router
from train.routers.statistics import statistics

SMALL = """
name = "small"
seed = 3
data = { set = "digits" }
base = { model = "cnn", epochs = 3, batch = 64, options = { width = 2 } }
large = { model = "large_cnn", epochs = 2, batch = 64, options = { width = 4, hidden = 16 } }
gate = { score = "router", target = { coverage = 0.6 } }
hybrid = { router = "full", tune = "TUNE", rounds = 2, tune_epochs = 1, epochs = 10, options = { hidden = 8 } }
"""


def settings(folder: Path, tune: str) -> config.RunConfig:
    path = folder / "small.toml"
    path.write_text(SMALL.replace("TUNE", tune))
    return config.load(path)


@pytest.fixture(scope="module", params=["none", "base", "both"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    out = RunFolder(tmp_path_factory.mktemp(request.param) / "run")
    run.train(settings(out.path.parent, request.param), out, restart=False)
    return out


def values(folder: RunFolder) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(folder.training.read_text())
    return loaded


def state(path: Path) -> dict[str, torch.Tensor]:
    return models.load(path)[0].state_dict()


def alike(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_files_and_log(folder: RunFolder) -> None:
    tune = values(folder)["routing"]["tune"]
    ordinary = set() if tune == "none" else {"ordinary_base.pt", "ordinary_large.pt"}
    assert {path.name for path in folder.path.iterdir()} == {
        "run.toml", "splits.json", "base.pt", "large.pt", "router.pt", "metrics.jsonl", "training.json", "report.html",
        "risk_coverage.png", *ordinary,
    }  # fmt: skip
    trained = list(dict.fromkeys(json.loads(line)["model"] for line in folder.metrics.read_text().splitlines()))
    rounds = {
        "none": [],
        "base": ["base_round_1", "base_round_2"],
        "both": ["base_round_1", "large_round_1", "base_round_2", "large_round_2"],
    }[tune]
    assert trained == ["base", "large", *rounds]
    if tune != "none":
        assert not alike(state(folder.base_checkpoint), state(folder.ordinary_base_checkpoint))
        assert alike(state(folder.large_checkpoint), state(folder.ordinary_large_checkpoint)) == (tune == "base")


def test_the_figures_follow_from_the_files(folder: RunFolder) -> None:
    results, digits = values(folder), data.load(config.load(folder.config).data)
    parts, router = data.load_splits(folder.splits), routers.load(folder.router_checkpoint)
    base, about = models.load(folder.base_checkpoint)
    large, _ = models.load(folder.large_checkpoint)
    routing, gate = results["routing"], results["gate"]
    accepted, right, large_right = {}, {}, {}
    for name, part in (("validation", parts.validation), ("test", parts.test)):
        outputs = hybrid.ask(base, router, digits.images[part], about.temperature)
        keep = score.scores(outputs, about.temperature)
        accepted[name] = keep >= gate["threshold"]
        right[name] = outputs.predicted == digits.labels[part]
        large_right[name] = loop.logits(large, digits.images[part]).argmax(1) == digits.labels[part]
        assert gate[name]["coverage"] == np.mean(accepted[name])
        assert gate[name]["hybrid_accuracy"] == accuracy(accepted[name], right[name], large_right[name])
    assert gate["validation"]["coverage"] >= 0.6
    assert routing["oracle_accuracy"] == np.mean(right["test"] | large_right["test"])
    own = routing["same_base"]["router"]
    assert own["threshold"] == gate["threshold"] and own["test"] == gate["test"]
    assert own["matched_accuracy"] == gate["test"]["hybrid_accuracy"]
    # With the router's multiply-accumulates, and without them for a score that needs none.
    mean = cost.macs(base) + (1 - gate["test"]["coverage"]) * cost.macs(large)
    assert own["macs"] == pytest.approx(mean + router.macs()) and router.macs() == routing["macs"] > 0
    rival = routing["same_base"]["entropy"]
    assert rival["macs"] == pytest.approx(cost.macs(base) + (1 - rival["test"]["coverage"]) * cost.macs(large))
    certain = entropy.scores(loop.outputs(base, digits.images[parts.test]), about.temperature)
    most = np.sort(certain)[-int(accepted["test"].sum())]  # as many samples as the router accepts
    assert rival["matched_accuracy"] == accuracy(certain >= most, right["test"], large_right["test"])


def test_table_and_report_hold_the_figures(folder: RunFolder) -> None:
    results, page = values(folder), folder.report.read_text()
    text, routing = table(results), results["routing"]
    rivals = [*routing["same_base"].values(), *(routing["ordinary"] or {}).values()]
    assert len(rivals) == (3 if routing["tune"] == "none" else 5)
    for rival in rivals:
        for figure in (rival["test"]["coverage"], rival["test"]["hybrid_accuracy"], rival["matched_accuracy"]):
            assert f"{figure:.2%}" in text and f"{100 * figure:.2f} %" in page
        assert f"{rival['macs']:,.0f}" in text and f"{rival['macs']:,.0f}" in page


def test_the_ordinary_models_are_those_of_a_run_without_a_router(folder: RunFolder, tmp_path: Path) -> None:
    tune = values(folder)["routing"]["tune"]
    plain = dataclasses.replace(config.load(folder.config), hybrid=None)
    assert plain.gate is not None
    plain = dataclasses.replace(plain, gate=dataclasses.replace(plain.gate, score="entropy"))
    found = run.train(plain, RunFolder(tmp_path), restart=False)
    base, large = folder.base_checkpoint, folder.large_checkpoint
    if tune != "none":
        base, large = folder.ordinary_base_checkpoint, folder.ordinary_large_checkpoint
    assert alike(state(base), state(RunFolder(tmp_path).base_checkpoint))
    assert alike(state(large), state(RunFolder(tmp_path).large_checkpoint))
    routing = values(folder)["routing"]
    assert routing["ordinary_base"] == found["base"] and routing["ordinary_large"] == found["large"]
    assert models.load(base)[1].temperature == found["temperature"]
    assert (routing["ordinary"] is None) == (tune == "none")


def test_the_router_goes_to_the_board(folder: RunFolder) -> None:
    loaded, router = load(folder), routers.load(folder.router_checkpoint)
    assert isinstance(loaded.router, Router)
    assert alike(loaded.router.state_dict(), router.state_dict())


def test_a_run_that_was_stopped_goes_on_to_the_same_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = settings(tmp_path, "both")
    run.train(wanted, RunFolder(tmp_path / "whole"), restart=False)
    whole, fit = RunFolder(tmp_path / "whole"), loop.fit

    def killed(role: str, *arguments: Any) -> Any:
        for epoch in fit(role, *arguments):
            if role == "large_round_2":
                raise KeyboardInterrupt
            yield epoch

    broken = RunFolder(tmp_path / "broken")
    monkeypatch.setattr(loop, "fit", killed)
    with pytest.raises(KeyboardInterrupt):
        run.train(wanted, broken, restart=False)
    assert not broken.training.exists()
    monkeypatch.setattr(loop, "fit", fit)
    run.train(wanted, broken, restart=False)
    assert values(broken) == values(whole)
    assert broken.metrics.read_text() == whole.metrics.read_text()
    for path in (whole.base_checkpoint, whole.large_checkpoint, whole.ordinary_base_checkpoint):
        assert alike(state(path), state(broken.path / path.name)), path.name
    one, other = (routers.load(each.router_checkpoint).state_dict() for each in (whole, broken))
    assert alike(one, other)


def test_weights_of_the_alternation(tmp_path: Path) -> None:
    """The base learns with 2 what is kept and with 1 what is forwarded, the large model the other way round; what is
    kept is what the coverage asks for, on the train split."""
    wanted = settings(tmp_path, "both")
    digits = data.load(wanted.data)
    parts = data.splits(digits, wanted.data)
    torch.manual_seed(0)
    base = models.build("cnn", digits.input_shape, 10, wanted.base.options).eval()
    large = models.build("large_cnn", digits.input_shape, 10, {"width": 2, "hidden": 8}).eval()
    seen: dict[str, Splits] = {}

    def train(role: str, how: config.Model, model: Any, on: Splits, teacher: Any) -> None:
        assert how.epochs == 1 and how.learning_rate == 0.001
        seen[role] = on

    assert wanted.hybrid is not None
    routed = hybrid.fit(wanted, wanted.hybrid, (base, large), digits, parts, train)
    times = {role: np.bincount(on.train, minlength=len(digits.labels))[parts.train] for role, on in seen.items()}
    assert list(seen) == ["base_round_1", "large_round_1", "base_round_2", "large_round_2"]
    for role in ("1", "2"):
        both = times[f"base_round_{role}"] + times[f"large_round_{role}"]
        assert (both == 3).all() and set(times[f"base_round_{role}"]) == {1, 2}
    assert np.mean(times["base_round_1"] == 2) == pytest.approx(0.6, abs=0.01)
    outputs = hybrid.ask(routed.base, routed.router, digits.images[parts.train], routed.temperature)
    kept = times["base_round_2"] == 2  # nothing was really trained, so the last router is that of round 2
    assert score.scores(outputs, 1.0)[kept].min() > score.scores(outputs, 1.0)[~kept].max()
    np.testing.assert_array_equal(seen["base_round_1"].validation, parts.validation)


@pytest.mark.parametrize("name", routers.ROUTERS)
def test_a_recurrent_base_and_one_with_a_gate_can_be_routed(name: str) -> None:
    """The router sees the state h, and leaves the other outputs of the base as they are."""
    images = np.random.default_rng(0).random((4, 1, 8, 8), dtype=np.float32)
    for model, head in (("gru", "linear"), ("cnn", "keep"), ("cnn", "extra_class")):
        torch.manual_seed(0)
        base = models.build(model, (1, 8, 8), 10, {}, head).eval()
        router = routers.build(name, base.feature_size, 10, {}).eval()
        outputs, plain = hybrid.ask(base, router, images, 1.3), loop.outputs(base, images)
        assert outputs.router is not None and outputs.router.shape == (4,)
        seen = statistics(router.statistics, plain.logits, 1.3), loop.features(base, images)
        with torch.inference_mode():
            said = router(*(torch.from_numpy(value) for value in seen))
        np.testing.assert_array_equal(outputs.router, said[:, 0].numpy())
        for field in ("logits", "abstain", "gate"):
            np.testing.assert_array_equal(getattr(outputs, field), getattr(plain, field))
