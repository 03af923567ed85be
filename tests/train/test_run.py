"""`python -m train` as a person runs it, on a small run of the digits."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest

from contract import errors
from contract.run_folder import RunFolder
from train import config, data, models, run
from train.__main__ import main, table
from train.abstain import SCORES, per_class, softmax_response
from train.abstain.outputs import Outputs
from train.evaluation import risk_coverage
from train.loop import logits, outputs

ROOT = Path(__file__).parents[2]
SMALL = """
name = "small"
seed = 3
data = { set = "digits" }
base = { model = "cnn", epochs = 6, batch = 64, options = { width = 4 } }
large = { model = "large_cnn", epochs = 10, batch = 64, options = { width = 4, hidden = 32 }, augment = { shift = 0.5 } }
gate = { target = { coverage = 0.6 } }
"""


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "train", *map(str, arguments)]


@dataclass(frozen=True)
class Outcome:
    """What a command answered: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


Call = Callable[..., Outcome]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """The command in this process, which spares it the import of PyTorch."""

    def called(*arguments: str | Path) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["train", *map(str, arguments)])
        code = errors.run(main)
        return Outcome(code, *capsys.readouterr())

    return called


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("configs") / "small.toml"
    path.write_text(SMALL)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, small: Path) -> RunFolder:
    """A run folder, trained without interruption."""
    out = RunFolder(tmp_path_factory.mktemp("runs") / "whole")
    run.train(config.load(small), out, restart=False)
    return out


def values(folder: RunFolder) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(folder.training.read_text())
    return loaded


def test_the_run_folder_is_complete(folder: RunFolder, small: Path) -> None:
    assert {path.name for path in folder.path.iterdir()} == {
        "run.toml", "splits.json", "base.pt", "large.pt", "metrics.jsonl", "training.json", "report.html",
        "risk_coverage.png",
    }  # fmt: skip
    assert config.load(folder.config) == config.load(small)
    assert len(folder.metrics.read_text().splitlines()) == 16


def test_the_figures_follow_from_the_files(folder: RunFolder) -> None:
    """Accuracy, coverage, risk and curve, computed again from the checkpoints and the splits."""
    results, digits = values(folder), data.load(config.load(folder.config).data)
    parts = data.load_splits(folder.splits)
    base, about = models.load(folder.base_checkpoint)
    large, _ = models.load(folder.large_checkpoint)
    assert about.classes == digits.classes
    assert about.temperature == results["temperature"]
    for split, indices in (("validation", parts.validation), ("test", parts.test)):
        images, labels = digits.images[indices], digits.labels[indices]
        own = logits(base, images)
        right, large_right = own.argmax(axis=1) == labels, logits(large, images).argmax(axis=1) == labels
        scores = softmax_response.scores(Outputs(own), about.temperature)
        accepted, measured = scores >= results["gate"]["threshold"], results["gate"][split]
        assert results["base"][f"{split}_accuracy"] == np.mean(right)
        assert results["large"][f"{split}_accuracy"] == np.mean(large_right)
        assert measured["samples"] == len(indices)
        assert measured["coverage"] == np.mean(accepted)
        assert measured["selective_risk"] == np.mean(~right[accepted])
        assert measured["hybrid_accuracy"] == np.mean(np.where(accepted, right, large_right))
    assert results["gate"]["target"] == {"coverage": 0.6}
    assert results["gate"]["validation"]["coverage"] >= 0.6
    assert results["aurc"] == risk_coverage.aurc(scores, right)
    assert results["curve"][-1]["hybrid_accuracy"] == results["base"]["test_accuracy"]
    assert results["curve"][-1]["coverage"] == 1
    assert results["large"]["test_accuracy"] > results["base"]["test_accuracy"] > 0.5


def test_a_killed_run_goes_on_to_the_same_result(folder: RunFolder, small: Path, tmp_path: Path, call: Call) -> None:
    broken = RunFolder(tmp_path / "broken")
    process = subprocess.Popen(command(small, "--out", broken.path), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("train large: 1/10"):  # nine epochs are left
            process.send_signal(signal.SIGKILL)
            break
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not broken.training.exists()
    assert call(small, "--out", broken.path).code == 0
    for path in folder.path.iterdir():
        if path.suffix != ".pt":  # an archive, whose entries are named after the file they were first written to
            assert (broken.path / path.name).read_bytes() == path.read_bytes(), path.name
    for whole, resumed in (
        (folder.base_checkpoint, broken.base_checkpoint),
        (folder.large_checkpoint, broken.large_checkpoint),
    ):
        expected, found = models.load(whole)[0].state_dict(), models.load(resumed)[0].state_dict()
        for name in expected:
            assert (expected[name] == found[name]).all(), name


def test_a_complete_run_is_shown_again(folder: RunFolder, small: Path, call: Call) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.path.iterdir()}
    result = call(small, "--out", folder.path)
    assert result.code == 0
    assert "trained already; --restart trains it again" in result.err
    assert result.out.strip() == table(values(folder))
    assert {path: path.stat().st_mtime_ns for path in folder.path.iterdir()} == before


def test_the_table_holds_the_figures(folder: RunFolder) -> None:
    results = values(folder)
    text = table(results)
    for figure in (
        f"{results['base']['parameters']:,}",
        f"{results['base']['test_accuracy']:.2%}",
        f"{results['gate']['test']['coverage']:.2%}",
        f"{results['gate']['test']['selective_risk']:.2%}",
        f"{results['gate']['threshold']:.4f}",
        f"{results['aurc']:.5f}",
    ):
        assert figure in text


def test_json_is_the_file(folder: RunFolder, small: Path, call: Call) -> None:
    result = call(small, "--out", folder.path, "--json")
    assert result.code == 0
    assert json.loads(result.out) == values(folder)


class Page(HTMLParser):
    """What the report is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_report_is_one_file(folder: RunFolder) -> None:
    page = Page()
    page.feed(folder.report.read_text())
    page.close()
    assert page.tags.count("svg") == 4
    assert page.tags.count("img") == 24
    assert all(link.startswith(("data:image/png;base64,", "#")) for link in page.links)
    assert not {"script", "link", "iframe"} & set(page.tags)
    text, results = re.sub(r"\s+", " ", page.text), values(folder)
    for figure in (
        f"{100 * results['base']['test_accuracy']:.2f} %",
        f"{100 * results['gate']['test']['hybrid_accuracy']:.2f} %",
        f"{results['gate']['threshold']:.4f}",
        "Seed 3 for weights",
        'name = "small"',
    ):
        assert figure in text


def test_the_picture_is_a_picture(folder: RunFolder) -> None:
    pixels = matplotlib.image.imread(folder.risk_coverage)
    assert pixels.shape == (690, 1725, 4)
    assert pixels[..., :3].std() > 0.05  # not blank


@pytest.mark.parametrize(
    ("loss", "score"),
    [("deep_gamblers", "reservation"), ("selective_net", "head"), ("one_sided_prediction", "softmax_response")],
)
def test_a_run_learns_to_abstain(loss: str, score: str, tmp_path: Path, call: Call) -> None:
    """From a configuration to the report, with a threshold for each class; figures follow from the checkpoint."""
    text = SMALL.replace("epochs = 10", "epochs = 1").replace(
        "target =", f'score = "{score}", temperature = "one", thresholds = "per_class", target ='
    )
    text = text.replace("coverage = 0.6", "joint_error = 0.05").replace(
        "epochs = 6", f'epochs = 12, loss = {{ name = "{loss}" }}'
    )
    (tmp_path / "small.toml").write_text(text)
    out = RunFolder(tmp_path / "out")
    result = call(tmp_path / "small.toml", "--out", out.path)
    assert result.code == 0, result.err
    assert "with an offset for each class" in result.out and "joint error" in result.out
    results, digits = values(out), data.load(config.load(out.config).data)
    parts, (base, about) = data.load_splits(out.splits), models.load(out.base_checkpoint)
    offsets, limit = np.array(results["gate"]["offsets"]), results["gate"]["threshold"]
    for split, indices in (("validation", parts.validation), ("test", parts.test)):
        answers, labels = outputs(base, digits.images[indices]), digits.labels[indices]
        scores = SCORES[score](answers, about.temperature)
        accepted = per_class.shifted(scores, answers.predicted, offsets) >= limit
        wrong = accepted & (answers.predicted != labels)
        assert results["gate"][split]["coverage"] == np.mean(accepted)
        assert results["gate"][split]["joint_error"] == np.mean(wrong)
    assert results["gate"]["validation"]["joint_error"] <= 0.05
    assert results["gate"]["test"]["coverage"] > 0.05
    assert results["temperature"] == about.temperature == 1
    assert "offset for each class" in out.report.read_text()


def archive(path: Path, **arrays: Any) -> str:
    np.savez(path / "mine.npz", **arrays)
    return 'set = "npz", file = "mine.npz"'


SAMPLES = {"x": np.zeros((40, 4, 4)), "y": np.arange(40) % 2}


@pytest.mark.parametrize(
    ("old", "new", "arrays", "said"),
    [
        (
            '"digits"',
            '"mnist"',
            {},
            "data.set is 'mnist', expected one of digits, digits_noisy, digits_pixels, npz, csv",
        ),
        ("epochs = 6", "epoch = 8", {}, "unknown key 'epoch' in [base], did you mean 'epochs'?"),
        ("coverage = 0.6", "coverage = 1.6", {}, "gate.target.coverage is 1.6, expected a share above 0 and at most 1"),
        ("coverage = 0.6", "coverage = 0.6, selective_risk = 0.1", {}, "gate.target holds 2 targets"),
        ("name =", "name", {}, "not TOML"),
        ('set = "digits"', 'set = "npz", file = "none.npz"', {}, "none.npz: no such file, expected an NPZ archive."),
        ('set = "digits"', None, {"x": SAMPLES["x"]}, "expected arrays named 'x' and 'y'. Make it with"),
        # All images are alike, so all scores are, and half of the answers are wrong.
        ("coverage = 0.6", "selective_risk = 0.1", SAMPLES, "the best is 0.5000, at a coverage of 1.0000."),
        (
            "coverage = 0.6",
            "joint_error = 0.1",
            SAMPLES,
            "no threshold reaches a joint error of 0.1 on the 8 validation",
        ),
        (
            "target = { coverage = 0.6 }",
            'temperature = "one", thresholds = "per_class", target = { selective_risk = 0.1 }',
            SAMPLES,
            "no thresholds per class reach a selective risk of 0.1 on the 8 validation samples",
        ),
        (
            "coverage",
            "coverage",
            SAMPLES | {"y": np.ones(40, int)},
            "all 40 samples are of the class '1', expected two",
        ),
        (
            "epochs = 6",
            'loss = { name = "deep_gamblers", reward = 11 }',
            {},
            "loss.reward is 11, expected a number above 1 and at most 10, the number of classes.",
        ),
    ],
)
def test_foreseeable_failures_are_one_paragraph(
    tmp_path: Path, call: Call, old: str, new: str | None, arrays: dict[str, Any], said: str
) -> None:
    text = SMALL.replace("epochs = 10", "epochs = 1")
    if arrays:
        text = text.replace('set = "digits"', archive(tmp_path, **arrays))
    (tmp_path / "small.toml").write_text(text.replace(old, new, 1) if new else text)
    result = call(tmp_path / "small.toml", "--out", tmp_path / "out")
    assert result.code == 2
    assert result.out == ""
    message = result.err.splitlines()[-1]  # the lines above it, if any, are progress
    assert message.startswith("error: ")
    assert said in message


def test_a_missing_configuration_is_named(call: Call) -> None:
    result = call("none.toml")
    assert result.code == 2
    assert result.err.startswith("error: none.toml: cannot be read (No such file or directory)")
    assert len(result.err.splitlines()) == 1


def test_another_configuration_is_not_mixed_in(folder: RunFolder, tmp_path: Path, call: Call) -> None:
    (tmp_path / "other.toml").write_text(SMALL.replace("epochs = 6", "epochs = 9").replace("0.6", "0.7"))
    before = folder.training.read_bytes()
    result = call(tmp_path / "other.toml", "--out", folder.path)
    assert result.code == 2
    assert "holds a run of another configuration; base.epochs was 6, now 9, gate.target.coverage was 0.6" in result.err
    assert "--restart" in result.err
    assert folder.training.read_bytes() == before


def test_restart_replaces_what_training_left_and_nothing_else(tmp_path: Path, call: Call) -> None:
    out = RunFolder(tmp_path / "out")
    for epochs in (2, 1):
        text = SMALL.replace("epochs = 6", f"epochs = {epochs}").replace("epochs = 10", "epochs = 1")
        (tmp_path / "small.toml").write_text(text)
        assert call(tmp_path / "small.toml", "--out", out.path, "--restart").code == 0
        out.tflite.write_bytes(b"of another stage")
    assert out.tflite.exists()
    assert [json.loads(line)["model"] for line in out.metrics.read_text().splitlines()] == ["base", "large"]


def test_a_run_folder_that_is_a_file_is_refused(small: Path, tmp_path: Path, call: Call) -> None:
    (tmp_path / "out").write_text("")
    result = call(small, "--out", tmp_path / "out")
    assert result.code == 2
    assert "out: cannot be written as a run folder (File exists). Name another with --out." in result.err


def test_a_loss_that_is_not_finite_fails_the_check(tmp_path: Path, call: Call) -> None:
    text = SMALL.replace("epochs = 6", "epochs = 30, learning_rate = 30.0, weight_decay = 1.0")
    (tmp_path / "small.toml").write_text(text)
    result = call(tmp_path / "small.toml", "--out", tmp_path / "out")
    assert result.code == 1
    assert "Lower learning_rate under [base] and run again with --restart." in result.err
    assert (tmp_path / "out" / "base.state.pt").exists()


def test_a_missing_library_is_named_with_the_command_that_installs_it() -> None:
    code = "import sys; sys.modules['torch'] = None; sys.argv[1:] = ['train/configs/digits.toml']; import runpy; "
    result = subprocess.run(
        [sys.executable, "-c", code + "runpy.run_module('train', run_name='__main__')"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 2
    assert result.stderr == 'error: torch: not installed. Run: pip install -e ".[train]"\n'


def test_packages_are_light_to_import() -> None:
    code = "import sys, train, train.abstain, train.data, train.models; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"torch", "sklearn", "matplotlib", "tensorflow"} & set(result.stdout.split())


def test_help_names_every_option() -> None:
    result = subprocess.run(command("--help"), cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0
    assert all(option in result.stdout for option in ("--out", "--restart", "--json"))
