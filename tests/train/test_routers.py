"""Routers: what they see, that folding changes nothing, which way round they say it, and the coverage they keep to."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from contract.gate import entropy
from contract.gate.statistics import SCALE, STATISTICS, ZERO_POINT
from train import routers
from train.abstain import router as score
from train.abstain.outputs import Outputs
from train.abstain.threshold import Coverage, choose
from train.errors import TrainError
from train.evaluation import hybrid
from train.evaluation.operating_point import measure
from train.routers import checkpoint
from train.routers import fit as learning
from train.routers.full import differences
from train.routers.router import Router
from train.routers.statistics import OF, statistics

SETTINGS = learning.Settings(coverage=0.8, penalty=5.0, epochs=40, learning_rate=0.01)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1))
def test_what_routing_can_and_cannot_do(pairs: list[tuple[bool, bool]]) -> None:
    base, large = np.array(pairs).T
    never, asked = np.zeros(len(base), dtype=bool), learning.proxy(base, large)
    assert hybrid.accuracy(~never, base, large) == np.mean(base)
    assert hybrid.accuracy(never, base, large) == np.mean(large)
    assert hybrid.accuracy(~asked, base, large) == np.mean(base | large)
    assert measure(~asked, base).coverage == pytest.approx(1 - np.mean(asked))


@pytest.mark.parametrize("name", routers.ROUTERS)
@pytest.mark.parametrize("classes", [3, 10, 17])
def test_statistics_are_those_of_the_board(name: str, classes: int) -> None:
    """The integer ones are within a code and a half of them: half a code is rounding."""
    generator, scale, temperature = np.random.default_rng(0), 0.1, 1.4
    codes = generator.integers(-128, 128, (200, classes))
    found = statistics(name, codes * scale, temperature)
    table = entropy.table(scale, temperature, classes)
    board = np.array([STATISTICS[name].codes(row, table) for row in codes.tolist()])
    assert found.shape == board.shape == (200, STATISTICS[name].count(classes))
    assert np.abs((board - ZERO_POINT) * SCALE - found).max() < 1.5 * SCALE


def test_every_router_has_statistics() -> None:
    assert set(OF) == set(STATISTICS)
    assert {routers.build(name, 4, 3, {}).statistics for name in routers.ROUTERS} <= set(OF)


def test_statistics_of_probabilities_that_are_known() -> None:
    logits = np.log([[0.1, 0.6, 0.3], [1 / 3, 1 / 3, 1 / 3]])
    surprise = -(0.1 * np.log(0.1) + 0.6 * np.log(0.6) + 0.3 * np.log(0.3)) / np.log(3)
    np.testing.assert_allclose(statistics("small", logits, 1.0), [[surprise, 0.3, 0.6], [1, 0, 1 / 3]], atol=1e-6)
    np.testing.assert_allclose(
        statistics("full", logits, 1.0), [[surprise, 0.6, 0.3, 0.1], [1, 1 / 3, 1 / 3, 1 / 3]], atol=1e-6
    )


def test_differences_are_those_of_all_pairs() -> None:
    figures = torch.tensor([0.5, 0.9, 0.06, 0.04])
    assert differences(3) @ figures == pytest.approx([0.5, 0.84, 0.86, 0.02])
    assert differences(10).shape == (46, 11)


def toy(name: str) -> tuple[Router, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    router = routers.build(name, features=5, classes=4, options={"hidden": 8})
    return router, torch.rand(300, STATISTICS[router.statistics].count(4)), torch.randn(300, 5)


@pytest.mark.parametrize("name", routers.ROUTERS)
def test_folding_changes_nothing_but_the_layers(name: str) -> None:
    router, figures, features = toy(name)
    for _ in range(20):  # so that batch normalisation has something to fold
        router(figures, features)
    with torch.no_grad():
        for layer in router.modules():
            if isinstance(layer, nn.BatchNorm1d):
                layer.weight.uniform_(0.5, 2)
                layer.bias.uniform_(-1, 1)
    folded = router.folded()
    with torch.inference_mode():
        torch.testing.assert_close(folded(figures, features), router.eval()(figures, features), rtol=1e-4, atol=1e-5)
    leaves = [layer for layer in folded.modules() if not list(layer.children())]
    assert {type(layer) for layer in leaves} == {nn.Linear, nn.ReLU}
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        folded(figures[:1], features[:1])
    assert router.macs() == counter.get_total_flops() // 2


def half() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits that tell nothing, features whose first number x does, and o = 1 where x < 0: on half of the samples."""
    generator = np.random.default_rng(1)
    features = generator.standard_normal((512, 5)).astype(np.float32)
    return generator.standard_normal((512, 4)), features, features[:, 0] < 0


def learned(name: str, settings: learning.Settings) -> tuple[np.ndarray, np.ndarray]:
    """What a router says to the samples of `half`, as a probability to keep, and o."""
    logits, features, asked = half()
    router, _, _ = toy(name)
    figures = statistics(router.statistics, logits, 1.0)
    learning.fit(router, figures, features, asked, settings)
    assert not router.training
    keep = learning.logits(router, figures, features)
    return score.scores(Outputs(logits, router=keep), 1.0), asked


@pytest.mark.parametrize("name", routers.ROUTERS)
def test_a_router_asks_where_the_base_is_wrong_and_the_large_model_right(name: str) -> None:
    """b wrong and g right on x < 0, b right elsewhere: the probability to keep is low there and high elsewhere."""
    keep, asked = learned(name, learning.Settings(coverage=0.5, penalty=5.0, epochs=40, learning_rate=0.01))
    sure = np.abs(half()[1][:, 0]) > 0.3
    assert keep[asked & sure].max() < 0.5 < keep[~asked & sure].min()
    assert keep[asked].mean() < 0.25 and keep[~asked].mean() > 0.75
    accepted = keep >= choose(keep, ~asked, Coverage(0.5))
    assert np.mean(accepted == ~asked) > 0.95


@pytest.mark.parametrize("name", routers.ROUTERS)
def test_the_coverage_is_kept_to(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the samples would be asked for, and 80 % are to be kept."""
    assert learned(name, SETTINGS)[0].mean() >= 0.8 - 0.02

    def as_published(keep: torch.Tensor, asked: torch.Tensor, coverage: float, penalty: float) -> torch.Tensor:
        over = nn.functional.relu(torch.sigmoid(keep).mean() - coverage)
        return nn.functional.binary_cross_entropy_with_logits(keep, 1 - asked) + penalty * over

    monkeypatch.setattr(learning, "objective", as_published)
    assert learned(name, SETTINGS)[0].mean() < 0.6


def test_the_penalty_is_on_probabilities_and_only_below_the_coverage() -> None:
    asked = torch.zeros(4)
    for keep, short in ((torch.full((4,), 2.0), 0.0), (torch.full((4,), -1.0), 0.8 - 1 / (1 + np.e))):
        plain = nn.functional.binary_cross_entropy_with_logits(keep, 1 - asked)
        assert learning.objective(keep, asked, 0.8, 3.0).item() == pytest.approx(plain.item() + 3 * short, rel=1e-5)


def test_nothing_to_learn_is_refused() -> None:
    router, figures, features = toy("small")
    with pytest.raises(TrainError, match="on none of 300 training samples is the base wrong and the large model right"):
        learning.fit(router, figures.numpy(), features.numpy(), np.zeros(300, dtype=bool), SETTINGS)


def test_a_loss_that_is_not_finite_is_refused() -> None:
    router, figures, features = toy("small")
    settings = learning.Settings(coverage=0.8, penalty=5.0, epochs=20, learning_rate=1e30)
    with pytest.raises(TrainError, match=r"router: the loss is .* in epoch"):
        learning.fit(router, figures.numpy(), features.numpy(), np.arange(300) % 2 == 0, settings)


def test_a_score_is_a_probability_and_needs_a_router() -> None:
    logits = np.zeros((3, 2))
    found = score.scores(Outputs(logits, router=np.array([-1e4, 0.0, 1e4])), 1.0)
    np.testing.assert_array_equal(found, [0, 0.5, 1])
    with pytest.raises(TrainError, match="have no router's answer"):
        score.scores(Outputs(logits), 1.0)


@pytest.mark.parametrize("name", routers.ROUTERS)
def test_a_checkpoint_is_the_router(name: str, tmp_path: Path) -> None:
    router, figures, features = toy(name)
    router(figures, features)
    checkpoint.save(router, name, 5, 4, {"hidden": 8}, tmp_path / "router.pt")
    again = routers.load(tmp_path / "router.pt")
    assert torch.equal(again(figures, features), router.eval()(figures, features))


def test_what_is_no_router_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"none\.pt: no such router"):
        routers.load(tmp_path / "none.pt")
    (tmp_path / "bad.pt").write_bytes(b"damaged")
    with pytest.raises(TrainError, match=r"bad\.pt: not a router's checkpoint"):
        routers.load(tmp_path / "bad.pt")
    torch.save({"format": 9}, tmp_path / "new.pt")
    with pytest.raises(TrainError, match=r"new\.pt: format is 9, expected 1"):
        routers.load(tmp_path / "new.pt")
