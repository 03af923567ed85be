"""The run's configuration: what loads, what survives a round trip, what is refused."""

import dataclasses
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.log_mel import LogMel
from train import compare_cells, config
from train.abstain.threshold import Coverage, JointError, SelectiveRisk
from train.compare import grid
from train.config import Augment, Data, Distil, Gate, Hybrid, Loss, Model, Rule, RunConfig
from train.errors import TrainError

DIGITS = Path(__file__).parents[2] / "train" / "configs" / "digits.toml"

SMALLEST = """
name = "small"
data = { set = "digits" }
base = { model = "cnn" }
large = { model = "large_cnn" }
gate = { target = { coverage = 0.8 } }
"""

DISTIL = Distil(name="kd", options={"share": 0.5, "temperature": 3.0})

shares = st.floats(0.01, 0.49)
models = st.builds(
    Model,
    model=st.just("cnn"),
    epochs=st.integers(1, 1000),
    batch=st.integers(2, 1000),
    batches=st.integers(0, 1000),
    optimiser=st.sampled_from(["adamw", "adam", "sgd"]),
    learning_rate=st.floats(1e-300, 1e300),
    schedule=st.sampled_from(["one_cycle", "constant"]),
    weight_decay=st.floats(0, 1e300),
    clip=st.floats(0, 1e300),
    loss=st.none()
    | st.builds(
        Loss,
        name=st.just("cross_entropy"),
        options=st.fixed_dictionaries({"label_smoothing": st.floats(0, 0.99), "uniform_epochs": st.integers(1, 99)}),
    ),
    augment=st.builds(
        Augment, shift=st.floats(0, 9), rotate=st.floats(0, 180), noise=st.floats(0, 1), mask_rows=st.integers(0, 9)
    ),
    options=st.fixed_dictionaries({"width": st.integers(1, 64)}),
)
recurrent = st.builds(
    Model,
    model=st.just("irnn"),
    update=st.builds(
        Rule,
        name=st.sampled_from(["bptt", "truncated_bptt", "fptt"]),
        parts=st.integers(1, 99),
        alpha=st.floats(0.01, 9),
        restart=st.booleans(),
    ),
    options=st.fixed_dictionaries(
        {
            "low": st.floats(-9, 0),
            "high": st.floats(1, 9),
            "hidden": st.integers(1, 99),
            "euler_steps": st.integers(1, 9),
            "start": st.sampled_from(["previous", "zero"]),
            "alpha": st.floats(0, 9),
            "eta": st.floats(0, 1),
            "activation": st.sampled_from(["relu", "tanh"]),
            "rank_w": st.integers(0, 9),
            "rank_u": st.integers(0, 9),
        }
    ),
)
configs = st.builds(
    RunConfig,
    name=st.from_regex(r"[A-Za-z0-9_-]+", fullmatch=True),
    seed=st.integers(0, 2**32 - 1),
    threads=st.integers(1, 64),
    data=st.builds(
        Data,
        set=st.just("npz"),
        low=st.floats(-9, 0),
        high=st.floats(1, 9),
        file=st.text(st.characters(exclude_categories=("Cs",), exclude_characters="/\0"), min_size=1)
        .filter(lambda name: name not in (".", ".."))
        .map(lambda name: f"/{name}.npz"),
        validation=shares,
        test=shares,
        seed=st.integers(0, 100),
    )
    | st.builds(
        Data,
        set=st.just("spoken_digits"),
        features=st.builds(LogMel, bands=st.integers(1, 99), floor_db=st.floats(-200, -100)),
        split=st.just("held_out"),
        held_out=st.text(st.characters(exclude_categories=("Cs",)), min_size=1),
    ),
    base=models | recurrent | models.map(lambda model: dataclasses.replace(model, distil=DISTIL)),
    large=models,
    gate=st.builds(
        Gate,
        temperature=st.sampled_from(["fitted", "one"]),
        thresholds=st.sampled_from(["common", "per_class"]),
        target=st.builds(Coverage, st.floats(0, 1, exclude_min=True))
        | st.builds(SelectiveRisk, st.floats(0, 1, exclude_max=True))
        | st.builds(JointError, st.floats(0, 1, exclude_max=True)),
    ),
)


def test_the_shipped_configuration_loads() -> None:
    loaded = config.load(DIGITS)
    assert loaded.name == "digits"
    assert loaded.data == Data(set="digits", validation=0.2, test=0.25, seed=0)
    assert loaded.gate == Gate(score="softmax_response", target=Coverage(0.8))


def test_noise_is_for_noisy_digits_alone(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(SMALLEST.replace('set = "digits"', 'set = "digits_noisy"'))
    assert config.load(path).data.noise == 0.3
    path.write_text(SMALLEST.replace('set = "digits"', 'set = "digits", noise = 0.1'))
    with pytest.raises(TrainError, match=r"data.noise is 0.1, expected no such key, as data.set is 'digits'"):
        config.load(path)


def test_the_digits_configuration_shows_every_key() -> None:
    shown, resolved = tomllib.loads(DIGITS.read_text()), config.to_values(config.load(DIGITS))
    assert set(shown) == set(resolved)
    for table in ("data", "gate", "base"):
        assert set(shown[table]) == set(resolved[table])
    for table in ("update", "augment", "loss"):
        assert set(shown["base"][table]) == set(resolved["base"][table])


@pytest.mark.parametrize("path", sorted(DIGITS.parent.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_configurations_load(path: Path) -> None:
    kind = path.stem.split("_")[0]
    load = {"cells": compare_cells.load, "rules": grid.load}.get(kind, config.load)
    assert load(path).name == path.stem


def test_defaults_are_filled_in(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(SMALLEST)
    loaded = config.load(path)
    assert loaded.base.epochs == 60
    assert loaded.base.options == {"width": 8}
    assert loaded.large.options == {"width": 32, "hidden": 128}


def test_a_run_may_do_without_large_and_gate(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('name = "alone"\ndata = { set = "add" }\nbase = { model = "gru" }')
    loaded = config.load(path)
    assert loaded.large is loaded.gate is None
    assert (loaded.data.steps, loaded.data.samples) == (200, 20_000)
    assert loaded.base.options == {"low": 0.0, "high": 1.0, "hidden": 32, "rank_w": 0, "rank_u": 0}
    config.save(loaded, tmp_path / "saved.toml")
    assert config.load(tmp_path / "saved.toml") == loaded


@given(configs)
def test_a_saved_configuration_loads_as_it_was(tmp_path_factory: pytest.TempPathFactory, wanted: RunConfig) -> None:
    path = tmp_path_factory.mktemp("config") / "run.toml"
    config.save(wanted, path)
    assert config.load(path) == wanted


def test_a_hybrid_keeps_what_its_gate_asks_for(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(
        SMALLEST.replace("target", 'score = "router", target') + 'hybrid = { router = "full", tune = "both" }'
    )
    loaded = config.load(path)
    assert loaded.hybrid == Hybrid(router="full", tune="both", coverage=0.8, options={"hidden": 64})
    config.save(loaded, tmp_path / "saved.toml")
    assert config.load(tmp_path / "saved.toml") == loaded


def test_the_file_of_an_npz_is_relative_to_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(SMALLEST.replace('set = "digits"', 'set = "npz", file = "mine.npz"'))
    assert config.load(path).data.file == str(tmp_path / "mine.npz")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "small"', "", "name is missing, expected letters, digits"),
        ('name = "small"', 'name = "../small"', "name is '../small', expected letters, digits, '-' and '_'"),
        ('name = "small"', 'name = "small"\nsed = 1', "unknown key 'sed' at the top, did you mean 'seed'?"),
        ('name = "small"', 'name = "small"\nseed = -1', "seed is -1, expected an integer of 0 .. 4294967295"),
        ('name = "small"', 'name = "small"\nthreads = true', "threads is True, expected an integer of 1 or more"),
        ('{ set = "digits" }', '"digits"', "data is 'digits', expected a table"),
        (
            'set = "digits"',
            'set = "mnist"',
            "data.set is 'mnist', expected one of digits, digits_noisy, digits_pixels, npz",
        ),
        ('set = "digits"', 'set = "npz"', "data.file is missing, expected the path of a file or folder"),
        ('set = "digits"', 'set = "digits", file = "a.npz"', "data.file is 'a.npz', expected no such key"),
        ('set = "digits"', 'set = "digits", seed = 4294967296', "data.seed is 4294967296, expected an integer of 0 .."),
        ('set = "digits"', 'set = "digits", test = 1.0', "data.test is 1.0, expected a share above 0 and below 1"),
        ('set = "digits"', 'set = "digits", test = 0.9', "leave nothing to train on, expected a sum below 1"),
        ('set = "digits"', 'set = "digits", features = {}', "data.features is LogMel(rate=8000"),
        ('set = "digits"', 'set = "add", steps = 1', "data.steps is 1, expected an integer of 2 or more"),
        ('set = "digits"', 'set = "csv", file = "a", low = 1', "data.low is 1.0, expected less than data.high, 1.0"),
        (
            'set = "digits"',
            'set = "wav", file = "a", features = { band = 3 }',
            "in [data.features], did you mean 'bands'",
        ),
        ('set = "digits"', 'set = "wav", file = "a", features = { bands = 0 }', "data.features: bands is 0, expected"),
        ('set = "digits"', 'set = "wav", file = "a", features = { rate = 8e3 }', "rate is 8000.0, expected an integer"),
        (
            'set = "digits"',
            'set = "wav", file = "a", features = { rate = 50 }',
            "hop_ms is 10.0, expected one sample or",
        ),
        (
            'set = "digits"',
            'set = "digits", split = "held_out"',
            "data.held_out is missing, expected the name of a group",
        ),
        ('set = "digits"', 'set = "digits", held_out = "theo"', "data.held_out is 'theo', expected no such key"),
        ('set = "digits"', 'set = "digits", split = "other"', "data.split is 'other', expected one of random, own"),
        ('model = "cnn"', 'model = "vit"', "base.model is 'vit', expected one of cnn, large_cnn"),
        (
            'model = "cnn"',
            'model = "cnn", update = { name = "rtrl" }',
            "base.update.name is 'rtrl', expected one of bptt",
        ),
        (
            'model = "cnn"',
            'model = "cnn", update = { name = "fptt" }',
            "expected 'bptt', as base.model 'cnn' has no state",
        ),
        (
            'model = "cnn"',
            'model = "cnn", update = { tail = 3 }',
            "base.update.tail is 3, expected 1, as base.model is 'cnn'",
        ),
        (
            'model = "cnn"',
            'model = "irnn", update = { name = "fptt", tail = 3 }',
            "base.update.tail is 3, expected 1, as update.name is 'fptt'",
        ),
        ('model = "cnn"', 'model = "irnn", update = { restart = 1 }', "restart is 1, expected true or false"),
        ('model = "cnn"', 'model = "irnn", options = { eta = "a" }', "base.options.eta is 'a', expected a number"),
        ('model = "cnn"', 'model = "irnn", options = { start = 0 }', "start is 0, expected a word such as 'previous'"),
        (
            'model = "cnn"',
            'model = "irnn", options = { rank_u = -1 }',
            "rank_u is -1, expected an integer of 0 or more",
        ),
        ('model = "cnn"', 'model = "cnn", optimiser = "lbfgs"', "base.optimiser is 'lbfgs', expected one of adamw"),
        ('large = { model = "large_cnn" }', "", "large is missing, expected a table beside [gate], or neither of them"),
        ("gate = { target = { coverage = 0.8 } }", "", "gate is missing, expected a table beside [large]"),
        ('model = "cnn"', 'model = "cnn", epoch = 3', "unknown key 'epoch' in [base], did you mean 'epochs'?"),
        ('model = "cnn"', 'model = "cnn", zzz = 3', "unknown key 'zzz' in [base], expected one of model, epochs"),
        ('model = "cnn"', 'model = "cnn", learning_rate = 0', "base.learning_rate is 0, expected a number above 0"),
        ('model = "cnn"', 'model = "cnn", learning_rate = nan', "base.learning_rate is nan, expected a number"),
        ('model = "cnn"', 'model = "cnn", augment = { turn = 3 }', "unknown key 'turn' in [base.augment]"),
        ('model = "cnn"', 'model = "cnn", options = { widht = 3 }', "in [base.options], did you mean 'width'?"),
        ('model = "cnn"', 'model = "cnn", options = { width = 0 }', "base.options.width is 0, expected an integer"),
        ("coverage = 0.8", "coverage = 1.2", "gate.target.coverage is 1.2, expected a share above 0 and at most 1"),
        ("coverage = 0.8", "coverage = 0", "gate.target.coverage is 0, expected a share above 0"),
        ("coverage = 0.8", "selective_risk = 1.0", "gate.target.selective_risk is 1.0, expected an error rate"),
        ("coverage = 0.8", "joint_error = -1", "gate.target.joint_error is -1, expected an error rate"),
        ("coverage = 0.8", "coverage = 0.8, selective_risk = 0.1", "holds 2 targets (coverage, selective_risk)"),
        ("coverage = 0.8", "", "gate.target holds 0 targets (none)"),
        ("coverage = 0.8", "accuracy = 0.8", "gate.target holds the unknown key 'accuracy'"),
        ("{ coverage = 0.8 }", "0.8", "gate.target is 0.8, expected { coverage = 0.8 }, { selective_risk = 0.01 } or "),
        ("target =", 'thresholds = "each", target =', "gate.thresholds is 'each', expected one of common, per_class"),
        ("target =", 'score = "luck", target =', "gate.score is 'luck', expected one of softmax_response, margin"),
        (
            "target =",
            'score = "reservation", target =',
            "gate.score is 'reservation', which a model has only if base.loss.name",
        ),
        ("target =", 'score = "head", target =', "only if base.loss.name is one of 'selective_net', 'appeal_net'"),
        (
            'model = "cnn"',
            'model = "cnn", loss = { reward = 2 }',
            "base.loss.name is missing, expected one of cross_entropy",
        ),
        (
            'model = "cnn"',
            'model = "cnn", loss = { name = "hinge" }',
            "base.loss.name is 'hinge', expected one of cross_",
        ),
        ('model = "cnn"', 'model = "cnn", loss = "hinge"', "base.loss is 'hinge', expected a table"),
        (
            'model = "cnn"',
            'model = "cnn", loss = { name = "deep_gamblers", rewrd = 2 }',
            "unknown key 'rewrd' in [base.loss], did you mean 'reward'?",
        ),
        (
            'model = "cnn"',
            'model = "cnn", loss = { name = "deep_gamblers", reward = "high" }',
            "base.loss.reward is 'high', expected a number",
        ),
        (
            'model = "large_cnn"',
            'model = "large_cnn", loss = { name = "appeal_net" }',
            "large.loss.name is 'appeal_net', expected a loss without an abstention of its own",
        ),
        (
            'model = "cnn"',
            'model = "cnn", distil = { name = "kd", temprature = 2.0 }',
            "unknown key 'temprature' in [base.distil], did you mean 'temperature'?",
        ),
        (
            'model = "cnn"',
            'model = "cnn", distil = { name = "fitnet" }',
            "base.distil.name is 'fitnet', expected one of",
        ),
        ('model = "cnn"', 'model = "cnn", distil = { share = 0.5 }', "base.distil.name is missing, expected one of kd"),
        (
            'model = "large_cnn"',
            'model = "large_cnn", distil = { name = "kd" }',
            "large.distil is given, expected no such table, as no larger model is there to learn from",
        ),
        (
            'base = { model = "cnn" }\nlarge = { model = "large_cnn" }\ngate = { target = { coverage = 0.8 } }',
            'base = { model = "cnn", distil = { name = "kd" } }',
            "base.distil is given, but there is no [large]",
        ),
        ("target =", 'score = "router", target =', "hybrid is missing, expected a table, as gate.score is 'router'"),
        ("gate =", "hybrid = {}\ngate =", "hybrid is given, but gate.score is 'softmax_response', expected 'router'"),
        (
            'large = { model = "large_cnn" }\ngate = { target = { coverage = 0.8 } }',
            "hybrid = {}",
            "hybrid is given, but there is no [gate], expected 'router'",
        ),
        (
            "gate = { target = { coverage = 0.8 } }",
            'gate = { score = "router", target = { joint_error = 0.01 } }\nhybrid = {}',
            "hybrid.coverage is missing, expected a share above 0 and at most 1, as gate.target is a joint_error",
        ),
        ("gate =", 'hybrid = { tune = "all" }\ngate =', "hybrid.tune is 'all', expected one of none, base, both"),
        ("gate =", 'hybrid = { router = "big" }\ngate =', "hybrid.router is 'big', expected one of small, full"),
        ("gate =", "hybrid = { round = 2 }\ngate =", "unknown key 'round' in [hybrid], did you mean 'rounds'?"),
        (
            "gate = { target",
            'hybrid = { options = { width = 3 } }\ngate = { score = "router", target',
            "unknown key 'width' in [hybrid.options], expected one of hidden",
        ),
        ("name", "name name", "not TOML"),
    ],
)
def test_what_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(SMALLEST.replace(old, new, 1))
    with pytest.raises(TrainError) as raised:
        config.load(path)
    assert raised.value.problem.startswith(f"{path}: ")
    assert said in raised.value.problem
    assert raised.value.exit_code == 2


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"none\.toml: cannot be read \(No such file or directory\)"):
        config.load(tmp_path / "none.toml")
