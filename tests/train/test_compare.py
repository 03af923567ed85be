"""The comparison of rules: its configuration, its verdicts on answers made up for the purpose, its trainings and its
report."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from contract.run_folder import RunFolder
from train import models
from train.abstain import SCORES, per_class, temperature, threshold
from train.abstain.outputs import Outputs
from train.compare import __main__ as compare
from train.compare import answers, figures, grid, large_time, report, work
from train.compare.answers import Answers, Split
from train.compare.grid import LARGE, Grid, load, merge, of_seed
from train.compare.judge import COVERAGES, judge
from train.compare.table import table
from train.errors import TrainError
from train.evaluation import hybrid, operating_point, risk_coverage

ROOT = Path(__file__).parents[2]
SMALL = """
name = "small"
seeds = 2
targets = [{ coverage = 0.8 }, { joint_error = 0.05 }, { selective_risk = 0.02 }]

[data]
set = "digits"

[base]
model = "cnn"
epochs = 1
batch = 64
options = { width = 2 }

[large]
model = "large_cnn"
epochs = 1
batch = 64
options = { width = 4, hidden = 8 }

[board]
name = "nucleo"
cycles_per_mac = 3.0
large_milliseconds = 2.0

[[rules]]
name = "cross_entropy"
scores = ["softmax_response"]

[[rules]]
name = "noisy"
scores = ["softmax_response"]
batch = 32
augment = { noise = 0.1, shift = 0.5 }
variants = [{ augment = { noise = 0.2 } }, { augment = { noise = 0.3 } }]
"""
NOISY = ["noisy/augment.noise=0.2", "noisy/augment.noise=0.3"]


def write(folder: Path, text: str = SMALL) -> Path:
    path = folder / "rules.toml"
    path.write_text(text)
    return path


def test_rules_differ_from_the_shared_base_in_what_they_say(tmp_path: Path) -> None:
    loaded = load(write(tmp_path))
    assert loaded.seeds == (0, 1)
    assert [each.name for each in loaded.rules] == ["cross_entropy", "noisy"]
    assert loaded.latency is not None
    assert (loaded.latency.board.name, loaded.latency.large_milliseconds) == ("nucleo_f446re", 2.0)
    plain, noisy = loaded.rules
    assert [(each.label, each.config.base.batch) for each in plain.variants] == [("", 64)]
    assert [each.config.base.augment.noise for each in noisy.variants] == [0.2, 0.3]
    assert {(each.config.base.augment.shift, each.config.base.batch) for each in noisy.variants} == {(0.5, 32)}
    assert {each.config.base.options["width"] for each in noisy.variants} == {2}


def test_every_training_has_a_folder_and_a_seed(tmp_path: Path) -> None:
    trainings = load(write(tmp_path)).trainings()
    names = [LARGE, "cross_entropy", *NOISY]
    assert set(trainings) == {f"{name}/seed_{seed}" for name in names for seed in (0, 1)}
    assert all(config.seed == int(name[-1]) for name, config in trainings.items())
    assert trainings["large/seed_1"].base.model == "large_cnn"
    assert {config.data.seed for config in trainings.values()} == {0}  # the split is everybody's


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("seeds = 2", "seeds = 0", "seeds is 0, expected an integer of 1 or more"),
        ("seeds = 2", f"seeds = 2\nseed = {2**32 - 1}", "expected the last seed to be at most"),
        ("targets = [{ coverage = 0.8 }", "targets = [{ coverage = 8 }", "targets.coverage is 8, expected a share"),
        ("targets =", "aims =", "targets is None, expected a list such as"),
        ('name = "noisy"', 'name = "cross_entropy"', "two of rules have the name 'cross_entropy'"),
        ('name = "noisy"', 'name = "large"', "two of rules have the name 'large', or it is 'large'"),
        ('name = "noisy"', 'name = "no/isy"', "name is 'small-no/isy-augment-noise-0-2', expected letters, digits"),
        ('name = "noisy"', "", "expected tables [[rules]], each with a name"),
        ('scores = ["softmax_response"]', 'scores = ["hope"]', "cross_entropy.scores is ['hope'], expected a list of"),
        ('scores = ["softmax_response"]', "scores = []", "cross_entropy.scores is [], expected a list of"),
        ('["softmax_response"]', '["head"]', "cross_entropy.scores has 'head', which a model has only if loss.name is one of"),
        ('["softmax_response"]', '["router"]', "cross_entropy.scores has 'router', which a run has only with a table `hybrid`"),
        ("{ noise = 0.3 }", "{ noise = 0.2 }", "two of noisy.variants are alike"),
        ("{ noise = 0.3 }", "{ noize = 0.2 }", "unknown key 'noize' in [base.augment], did you mean 'noise'?"),
        ("variants = [", "variants = 3 #", "noisy.variants is 3, expected a list of tables"),
        ("[large]", "[huge]", "large is None, expected a table"),
        ("[large]", "[gate]\ntarget = { coverage = 0.8 }\n[large]", "holds [gate], expected none"),
        ('name = "nucleo"', 'name = "nucleus"', "board.name: Unknown board 'nucleus'"),
        ("cycles_per_mac = 3.0", "cycles_per_mac = 0", "board.cycles_per_mac is 0, expected a number above 0"),
        ("cycles_per_mac = 3.0", "cycles = 3.0", "expected a table of name, cycles_per_mac, large_milliseconds"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in SMALL
    path = write(tmp_path, SMALL.replace(old, new, 1))
    with pytest.raises(TrainError) as raised:
        load(path)
    assert raised.value.problem.startswith(f"{path}: ")
    assert said in raised.value.problem
    assert raised.value.exit_code == 2


tables = st.recursive(
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 3), max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), st.integers(0, 3) | inner, max_size=3),
    max_leaves=6,
)


@given(tables, tables)
def test_merging_overrides_leaf_by_leaf(shared: dict[str, Any], own: dict[str, Any]) -> None:
    def leaves(value: Any, where: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
        if not isinstance(value, dict):
            return {where: value}
        return {path: leaf for key, item in value.items() for path, leaf in leaves(item, (*where, key)).items()}

    merged, asked = leaves(merge(shared, own)), leaves(own)
    assert {path: merged[path] for path in asked} == asked
    kept = {path: leaf for path, leaf in merged.items() if path not in asked}
    assert kept.items() <= leaves(shared).items()


def test_a_table_with_a_name_takes_the_place_of_another() -> None:
    shared = {"loss": {"name": "one", "mu": 0.5}}
    assert merge(shared, {"loss": {"name": "other"}}) == {"loss": {"name": "other"}}
    assert merge(shared, {"loss": {"mu": 1.0}}) == {"loss": {"name": "one", "mu": 1.0}}


# Answers made up: three classes, and a classifier that is as right as it is sure.


def made_up(random: np.random.Generator, samples: int, sharpness: float) -> Split:
    labels = random.integers(0, 3, samples)
    logits = random.normal(size=(samples, 3)) + sharpness * random.random((samples, 1)) * np.eye(3)[labels]
    return Split(Outputs(logits.astype(np.float32)), labels)


def make_folder(loaded: Grid, root: Path, sharpness: dict[str, float]) -> dict[str, Answers]:
    """Answers and training.json of every training, without any training."""
    random, made = np.random.default_rng(1), {}
    labels: list[NDArray[np.int64]] = []
    for name in loaded.trainings():
        splits = [made_up(random, samples, sharpness[name.rsplit("/", 1)[0]]) for samples in (120, 200)]
        labels = labels or [split.labels for split in splits]
        # All models answer the same samples.
        splits = [Split(Outputs(np.take_along_axis(split.outputs.logits, _turned(split.labels, own), axis=1)), own)
                  for split, own in zip(splits, labels, strict=True)]  # fmt: skip
        made[name] = Answers(*splits, inputs=64)
        folder = RunFolder(root / name)
        folder.path.mkdir(parents=True)
        folder.training.write_text(json.dumps({"base": {"parameters": 100, "macs": 1000}}))
        answers.save(made[name], folder)
    return made


def _turned(labels: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Columns such that the logit of `labels` stands where `wanted` is."""
    return (np.arange(3)[None] - wanted[:, None] + labels[:, None]) % 3


SHARPNESS = {LARGE: 9.0, "cross_entropy": 3.0, NOISY[0]: 2.0, NOISY[1]: 6.0}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Grid, dict[str, Answers], dict[str, Any]]:
    folder = tmp_path_factory.mktemp("made_up")
    loaded = load(write(folder))
    made = make_folder(loaded, folder, SHARPNESS)
    return loaded, made, judge(loaded, folder, large_time.seconds(loaded, folder))


def scored(one: Answers) -> list[tuple[NDArray[Any], NDArray[np.bool_]]]:
    fitted = temperature.fit(one.validation.outputs.logits, one.validation.labels)
    return [(SCORES["softmax_response"](split.outputs, fitted), split.outputs.predicted == split.labels)
            for split in (one.validation, one.test)]  # fmt: skip


def test_figures_are_those_of_the_test_split(judged: tuple[Grid, dict[str, Answers], dict[str, Any]]) -> None:
    _, made, values = judged
    row = values["rows"][0]
    for at, seed in enumerate(values["seeds"]):
        scores, correct = scored(made[f"cross_entropy/seed_{seed}"])[1]
        large = made[f"large/seed_{seed}"].test
        large_correct = large.outputs.predicted == large.labels
        limit = np.sort(scores)[::-1][159]  # 160 of 200 are 80 %
        for key, expected in {
            "accuracy": np.mean(correct),
            "aurc": risk_coverage.aurc(scores, correct),
            "risk_at_coverage_0.8": np.mean(~correct[scores >= limit]),
            "coverage_at_joint_error_0.05": operating_point.coverage_at_joint_error(scores, correct, 0.05),
            "coverage_at_risk_0.02": operating_point.coverage_at_risk(scores, correct, 0.02),
            "hybrid_accuracy_at_coverage_0.8": hybrid.accuracy(scores >= limit, correct, large_correct),
        }.items():
            assert row["results"][key]["values"][at] == pytest.approx(expected), key
    for result in row["results"].values():
        assert result["low"] <= result["mean"] <= result["high"]
    at_80 = COVERAGES.index(0.8)
    assert row["curve"]["risk"]["mean"][at_80] == pytest.approx(row["results"]["risk_at_coverage_0.8"]["mean"])
    assert row["curve"]["hybrid_accuracy"]["mean"][-1] == pytest.approx(row["results"]["accuracy"]["mean"])


def test_the_variant_comes_from_the_validation_split(judged: tuple[Grid, dict[str, Answers], dict[str, Any]]) -> None:
    _, made, values = judged
    row = values["rows"][1]
    for at, seed in enumerate(values["seeds"]):
        found = {name: scored(made[f"{name}/seed_{seed}"]) for name in NOISY}
        areas = {name: risk_coverage.aurc(*splits[0]) for name, splits in found.items()}
        chosen = min(areas, key=lambda name: areas[name])
        assert f"noisy/{row['results']['aurc']['chosen'][at]}" == chosen
        assert row["results"]["aurc"]["values"][at] == pytest.approx(risk_coverage.aurc(*found[chosen][1]))


def test_thresholds_come_from_the_validation_split(judged: tuple[Grid, dict[str, Answers], dict[str, Any]]) -> None:
    loaded, made, values = judged
    for target, point in zip(loaded.targets, values["rows"][0]["operating_points"], strict=True):
        assert point["target"] == {target.key: target.value}
        coverages = []
        for seed in values["seeds"]:
            validation, test = scored(made[f"cross_entropy/seed_{seed}"])
            try:
                coverages.append(np.mean(test[0] >= threshold.choose(*validation, target)))
            except TrainError:
                coverages.append(0.0)
        assert point["coverage"]["values"] == pytest.approx(coverages)
        assert point["reached"] == np.count_nonzero(coverages)


def test_thresholds_of_classes_come_from_the_validation_split(
    judged: tuple[Grid, dict[str, Answers], dict[str, Any]],
) -> None:
    loaded, made, values = judged
    for target, point in zip(loaded.targets, values["rows"][0]["per_class"], strict=True):
        for at, seed in enumerate(values["seeds"]):
            one = made[f"cross_entropy/seed_{seed}"]
            (scores, correct), (test, _) = scored(one)
            predicted = one.validation.outputs.predicted
            common, offsets = per_class.choose(scores, predicted, correct, 3, target)
            accepted = per_class.shifted(test, one.test.outputs.predicted, offsets) >= common
            assert point["coverage"]["values"][at] == np.mean(accepted)


def test_a_much_better_rule_wins_alone_and_a_twin_is_as_good(tmp_path: Path) -> None:
    twin = SMALL + '\n[[rules]]\nname = "twin"\nscores = ["softmax_response"]\nbatch = 16\n'
    loaded = load(write(tmp_path, twin))
    make_folder(loaded, tmp_path, {**SHARPNESS, "twin": 3.0})
    values = judge(loaded, tmp_path, None)
    area = values["criteria"]["aurc"]
    assert (area["winner"], area["as_good"]) == ("noisy", [])
    loaded = load(write(tmp_path, twin))
    even = tmp_path / "even"
    make_folder(loaded, even, dict.fromkeys(SHARPNESS | {"twin": 0}, 3.0))
    area = judge(loaded, even, None)["criteria"]["aurc"]
    assert {area["winner"], *area["as_good"]} == {"cross_entropy", "noisy", "twin"}


def test_latency_is_modelled_from_the_board(judged: tuple[Grid, dict[str, Answers], dict[str, Any]]) -> None:
    """64 codes make one frame of 85 bytes; the nucleo's line runs at 460,800 baud."""
    given = judged[2]["latency"]
    assert (given["board"], given["uplink_bytes"], given["large_seconds"]) == ("nucleo_f446re", 85, 0.002)
    assert given["uplink_seconds"] == pytest.approx(850 / 460_800)


def test_without_a_board_nothing_is_timed(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, re.sub(r"\[board\]\n(\w.*\n)+", "", SMALL)))
    make_folder(loaded, tmp_path, SHARPNESS)
    values = judge(loaded, tmp_path, large_time.seconds(loaded, tmp_path))
    assert values["latency"] is None
    assert "latency" not in report.page(values, SMALL)


def test_the_table_marks_the_best(judged: tuple[Grid, dict[str, Answers], dict[str, Any]]) -> None:
    lines = table(judged[2]).splitlines()
    assert lines[0].startswith("| rule | score | accuracy at full coverage | AURC |")
    assert len({line.count("|") for line in lines}) == 1
    assert len(lines) == 2 + len(judged[2]["rows"])
    assert re.search(r"\*\*\d+\.\d ± \d+\.\d\*\*", lines[3])


class Page(HTMLParser):
    """Tags that were opened and not closed, and where a page points to."""

    VOID = ("meta", "br", "link", "img", "input")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "xlink:href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "xlink:href")]


def test_the_report_stands_alone(judged: tuple[Grid, dict[str, Answers], dict[str, Any]]) -> None:
    values = judged[2]
    text = report.page(values, SMALL)
    page = Page()
    page.feed(text)
    assert page.open == []
    assert page.tags.count("svg") == 4
    assert "script" not in page.tags
    assert all(link.startswith("#") for link in page.links)
    assert not re.search(r"url\((?!#)|@import", text)
    assert not any(stand_in in text for stand_in in figures.VARIABLES)
    for row in values["rows"]:
        assert row["rule"].replace("_", " ") in text
    assert text == report.page(json.loads(json.dumps(values)), SMALL)


@given(st.booleans(), st.booleans())
def test_answers_come_back_as_they_were(abstain: bool, gate: bool) -> None:
    random = np.random.default_rng(0)
    outputs = Outputs(random.random((5, 3)), random.random(5) if abstain else None, random.random(5) if gate else None)
    split = Split(outputs, np.arange(5))
    with TemporaryDirectory() as name:
        answers.save(Answers(split, split, inputs=12), RunFolder(Path(name)))
        found = answers.read(RunFolder(Path(name)))
    assert found.inputs == 12
    for part in (found.validation, found.test):
        np.testing.assert_equal(part.labels, split.labels)
        for field in answers.OUTPUTS:
            np.testing.assert_equal(getattr(part.outputs, field), getattr(outputs, field))


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["loss.mu=0.5", "loss.mu=1.0"], "mu 0.5, 1.0"),
        (["epochs=3"], "epochs 3"),
        (["a=1", "b=1"], "a=1; b=1"),
        (["a=1,b=2", "a=1,b=3"], "a=1,b=2; a=1,b=3"),
    ],
)
def test_variants_are_told_in_short(labels: list[str], said: str) -> None:
    assert report._variants(labels) == said


def test_missing_answers_are_named(tmp_path: Path) -> None:
    loaded = load(write(tmp_path))
    make_folder(loaded, tmp_path, SHARPNESS)
    gone = answers.path_of(RunFolder(tmp_path / of_seed("cross_entropy", 1)))
    gone.unlink()
    with pytest.raises(TrainError, match=re.escape(str(gone))):
        judge(loaded, tmp_path, None)


def test_a_student_learns_from_the_large_model_of_its_seed(tmp_path: Path) -> None:
    taught = SMALL[: SMALL.index('[[rules]]\nname = "noisy"')].replace("seeds = 2", "seeds = 1")
    taught += '[[rules]]\nname = "taught"\nscores = ["softmax_response"]\ndistil = { name = "kd" }\n'
    loaded = load(write(tmp_path, taught))
    assert [rule.variants[0].config.large is None for rule in loaded.rules] == [True, False]
    work.train_all(loaded.trainings(), tmp_path, 1, restart=False)
    teacher, _ = models.load(RunFolder(tmp_path / "large" / "seed_0").base_checkpoint)
    own, _ = models.load(RunFolder(tmp_path / "taught" / "seed_0").large_checkpoint)
    for name, weights in teacher.state_dict().items():
        np.testing.assert_array_equal(own.state_dict()[name], weights)
    log = (tmp_path / "taught" / "seed_0" / "metrics.jsonl").read_text()
    assert '"model": "base"' in log
    assert '"model": "large"' not in log  # it was not trained again
    assert [row["rule"] for row in judge(loaded, tmp_path, None)["rows"]] == ["cross_entropy", "taught"]


def test_a_hybrid_has_its_router_and_its_own_large_model(tmp_path: Path) -> None:
    routed = SMALL[: SMALL.index('[[rules]]\nname = "noisy"')].replace("seeds = 2", "seeds = 1")
    routed += """
[[rules]]
name = "routed"
scores = ["router", "softmax_response"]
hybrid = { router = "small", coverage = 0.6, epochs = 2, tune = "both", tune_epochs = 1 }
"""
    loaded = load(write(tmp_path, routed))
    config = loaded.rules[1].variants[0].config
    assert config.hybrid is not None
    assert (config.hybrid.router, config.hybrid.coverage, config.large is None) == ("small", 0.6, False)
    work.train_all(loaded.trainings(), tmp_path, 1, restart=False)
    run = RunFolder(tmp_path / "routed" / "seed_0")
    ordinary, _ = models.load(run.ordinary_base_checkpoint)
    of_rule, _ = models.load(RunFolder(tmp_path / "cross_entropy" / "seed_0").base_checkpoint)
    for name, weights in of_rule.state_dict().items():
        np.testing.assert_array_equal(ordinary.state_dict()[name], weights)
    trained = {json.loads(line)["model"] for line in run.metrics.read_text().splitlines()}
    assert trained == {"base_round_1", "large_round_1"}  # neither was trained from the start again
    found = answers.read(run).test
    assert found.outputs.router is not None
    assert found.large is not None
    values = judge(loaded, tmp_path, 0.002)
    own = values["rows"][1]
    assert (own["rule"], own["score"]) == ("routed", "router")
    keep, at = found.outputs.router, int(np.ceil(0.8 * len(found.labels)))
    accepted = keep >= np.sort(keep)[::-1][at - 1]
    together = np.where(accepted, found.outputs.predicted, found.large) == found.labels
    assert own["results"]["hybrid_accuracy_at_coverage_0.8"]["mean"] == pytest.approx(np.mean(together))
    cost = values["rules"][1]
    routing = json.loads(run.training.read_text())["routing"]
    assert (cost["router_macs"], cost["router_parameters"]) == (routing["macs"], routing["parameters"])
    assert cost["router_macs"] > 0 == values["rules"][0]["router_macs"]
    assert "router" in report.page(values, routed)


def test_a_router_alone_trains_no_model_again(tmp_path: Path) -> None:
    routed = SMALL[: SMALL.index('[[rules]]\nname = "noisy"')].replace("seeds = 2", "seeds = 1")
    routed += (
        '[[rules]]\nname = "routed"\nscores = ["router"]\nhybrid = { router = "small", coverage = 0.6, epochs = 2 }\n'
    )
    loaded = load(write(tmp_path, routed))
    work.train_all(loaded.trainings(), tmp_path, 1, restart=False)
    run = RunFolder(tmp_path / "routed" / "seed_0")
    assert run.metrics.read_text() == "" and run.report.exists()
    base, _ = models.load(run.base_checkpoint)
    of_rule, _ = models.load(RunFolder(tmp_path / "cross_entropy" / "seed_0").base_checkpoint)
    for name, weights in of_rule.state_dict().items():
        np.testing.assert_array_equal(base.state_dict()[name], weights)
    assert [row["rule"] for row in judge(loaded, tmp_path, None)["rows"]] == ["cross_entropy", "routed"]


ONE = SMALL.replace("seeds = 2", "seeds = 1").replace(", { augment = { noise = 0.3 } }", "")


def command(config: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "train.compare", str(config), "--out", str(out), *more]


def test_killed_and_gone_on_the_result_is_that_of_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config, killed, whole = write(tmp_path, ONE), tmp_path / "killed", tmp_path / "whole"
    process = subprocess.Popen(command(config, killed, "--processes", "2"), cwd=ROOT, stderr=subprocess.DEVNULL)
    children: list[int] = []
    while not list(killed.glob("*/seed_0/train.log")):
        assert process.poll() is None
        children = [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    for child in children:  # workers end with their parent
        while Path(f"/proc/{child}/stat").exists() and Path(f"/proc/{child}/stat").read_text().split()[2] != "Z":
            time.sleep(0.05)
    subprocess.run(command(config, killed, "--processes", "2"), cwd=ROOT, capture_output=True, check=True)
    monkeypatch.setattr("sys.argv", ["compare", str(config), "--out", str(whole), "--processes", "1"])
    assert compare.main() == 0
    assert capsys.readouterr().out.startswith("| rule | score |")
    assert (killed / "comparison.json").read_bytes() == (whole / "comparison.json").read_bytes()
    assert (killed / "report.html").read_bytes() == (whole / "report.html").read_bytes()

    done = {path: path.stat().st_mtime_ns for path in whole.glob("**/*.pt")}
    monkeypatch.setattr("sys.argv", [*sys.argv, "--json"])
    assert compare.main() == 0
    printed = capsys.readouterr()
    assert printed.err.count("trained already") == 3
    assert json.loads(printed.out) == json.loads((killed / "comparison.json").read_text())
    assert done == {path: path.stat().st_mtime_ns for path in whole.glob("**/*.pt")}


def test_a_training_that_fails_is_named(tmp_path: Path) -> None:
    broken = SMALL.replace("seeds = 2", "seeds = 1").replace(
        "batch = 32\n", 'batch = 32\noptimiser = "sgd"\nlearning_rate = 1e30\n'
    )
    loaded = load(write(tmp_path, broken))
    with pytest.raises(TrainError) as raised:
        work.train_all(loaded.trainings(), tmp_path / "out", 1, restart=False)
    assert raised.value.problem.startswith(f"{NOISY[0]}/seed_0: base: the loss is ")
    assert raised.value.problem.endswith("1 more failed as well.")
    assert raised.value.exit_code == 1
    assert answers.path_of(RunFolder(tmp_path / "out" / "cross_entropy" / "seed_0")).exists()


def test_as_many_processes_as_cores() -> None:
    assert work.cores() == len(os.sched_getaffinity(0)) >= 1


def test_a_label_says_what_a_variant_changes() -> None:
    assert grid.label({"loss": {"mu": 0.5, "deep": {"x": 1}}, "epochs": 3}) == "loss.mu=0.5,loss.deep.x=1,epochs=3"
