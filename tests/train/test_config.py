"""The run's configuration: what loads, what survives a round trip, what is refused."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train import config
from train.abstain.threshold import Coverage, SelectiveRisk
from train.config import Augment, Data, Gate, Model, RunConfig
from train.errors import TrainError

DIGITS = Path(__file__).parents[2] / "train" / "configs" / "digits.toml"

SMALLEST = """
name = "small"
data = { set = "digits" }
base = { model = "cnn" }
large = { model = "large_cnn" }
gate = { target = { coverage = 0.8 } }
"""

shares = st.floats(0.01, 0.49)
models = st.builds(
    Model,
    model=st.just("cnn"),
    epochs=st.integers(1, 1000),
    batch=st.integers(2, 1000),
    learning_rate=st.floats(1e-300, 1e300),
    weight_decay=st.floats(0, 1e300),
    augment=st.builds(Augment, shift=st.floats(0, 9), rotate=st.floats(0, 180), noise=st.floats(0, 1)),
    options=st.fixed_dictionaries({"width": st.integers(1, 64)}),
)
configs = st.builds(
    RunConfig,
    name=st.from_regex(r"[A-Za-z0-9_-]+", fullmatch=True),
    seed=st.integers(0, 2**32 - 1),
    threads=st.integers(1, 64),
    data=st.builds(
        Data,
        set=st.just("npz"),
        file=st.text(st.characters(exclude_categories=("Cs",), exclude_characters="/\0"), min_size=1)
        .filter(lambda name: name not in (".", ".."))
        .map(lambda name: f"/{name}.npz"),
        validation=shares,
        test=shares,
        seed=st.integers(0, 100),
    ),
    base=models,
    large=models,
    gate=st.builds(
        Gate,
        target=st.builds(Coverage, st.floats(0, 1, exclude_min=True))
        | st.builds(SelectiveRisk, st.floats(0, 1, exclude_max=True)),
    ),
)


def test_the_shipped_configuration_loads() -> None:
    loaded = config.load(DIGITS)
    assert loaded.name == "digits"
    assert loaded.data == Data(set="digits", validation=0.2, test=0.25, seed=0)
    assert loaded.gate == Gate(score="softmax_response", target=Coverage(0.8))


def test_the_shipped_configuration_shows_every_key() -> None:
    shown, resolved = tomllib.loads(DIGITS.read_text()), config.to_values(config.load(DIGITS))
    assert {key: set(value) for key, value in shown.items() if isinstance(value, dict)} == {
        key: set(value) for key, value in resolved.items() if isinstance(value, dict)
    }
    assert set(shown) == set(resolved)


def test_defaults_are_filled_in(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(SMALLEST)
    loaded = config.load(path)
    assert loaded.base.epochs == 60
    assert loaded.base.options == {"width": 8}
    assert loaded.large.options == {"width": 32, "hidden": 128}


@given(configs)
def test_a_saved_configuration_loads_as_it_was(tmp_path_factory: pytest.TempPathFactory, wanted: RunConfig) -> None:
    path = tmp_path_factory.mktemp("config") / "run.toml"
    config.save(wanted, path)
    assert config.load(path) == wanted


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
        ('set = "digits"', 'set = "mnist"', "data.set is 'mnist', expected one of digits, npz"),
        ('set = "digits"', 'set = "npz"', "data.file is missing, expected the path of an NPZ archive"),
        ('set = "digits"', 'set = "digits", file = "a.npz"', "data.file is 'a.npz', expected no such key"),
        ('set = "digits"', 'set = "digits", seed = 4294967296', "data.seed is 4294967296, expected an integer of 0 .."),
        ('set = "digits"', 'set = "digits", test = 1.0', "data.test is 1.0, expected a share above 0 and below 1"),
        ('set = "digits"', 'set = "digits", test = 0.9', "leave nothing to train on, expected a sum below 1"),
        ('model = "cnn"', 'model = "vit"', "base.model is 'vit', expected one of cnn, large_cnn"),
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
        ("coverage = 0.8", "coverage = 0.8, selective_risk = 0.1", "holds 2 targets (coverage, selective_risk)"),
        ("coverage = 0.8", "", "gate.target holds 0 targets (none)"),
        ("coverage = 0.8", "accuracy = 0.8", "gate.target holds the unknown key 'accuracy'"),
        ("{ coverage = 0.8 }", "0.8", "gate.target is 0.8, expected { coverage = 0.8 } or { selective_risk = 0.01 }"),
        ("target =", 'score = "entropy", target =', "gate.score is 'entropy', expected one of softmax_response"),
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
