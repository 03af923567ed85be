"""Which models fit which board: measured, computed from another board's image, computed from a manifest, and nothing
known."""

import dataclasses
import json
from pathlib import Path

import pytest

from boards import load, load_all
from boards.models import Fit, fits
from conftest import run_module
from contract import manifest
from contract.errors import DONE
from contract.run_folder import RunFolder

SIZES = {
    "flash_bytes": 17_000,
    "ram_bytes": 4_000,
    "stack_bytes": 2_048,
    "base_flash_bytes": 7_000,
    "base_ram_bytes": 1_200,
}

EXPORTED = manifest.Manifest(
    format=manifest.FORMAT,
    name="stream",
    model=manifest.Model("model.tflite", "0123456789abcdef" * 4, 200_000),
    inputs=(manifest.Tensor("image", (1, 1, 32), "int8", 1 / 255, -128),),
    outputs=(manifest.Tensor("logits", (1, 2), "int8", 0.14, 40),),
    states=(),
    stream=manifest.Stream(64, 8, -1.0, 1.0, None),
    quantisation=manifest.Quantisation("int8", "the only one", (manifest.Candidate("int8", 0.9, 0.1),)),
    classes=("no", "yes"),
    gate=manifest.Gate("softmax_response", "logits", None, 1.1, (32_768,), (), 31_887, {"coverage": 0.8}, (), None),
    memory=manifest.Memory(10_000, ()),
    operators=(),
    accuracy=manifest.Accuracy(449, 0.96, 0.96),
    large_checkpoint=None,
)


def image(runs: Path, model: str, board: str, **changed: int) -> None:
    folder = RunFolder(runs / model).firmware(board)
    folder.mkdir(parents=True)
    (folder / "size.json").write_text(json.dumps(SIZES | changed))


def exported(runs: Path, described: manifest.Manifest) -> None:
    (runs / described.name).mkdir(parents=True)
    manifest.save(described, RunFolder(runs / described.name).manifest)


def of(runs: Path, model: str, board: str) -> Fit:
    (found,) = [each for each in fits(runs, load_all()) if (each.model, each.board) == (model, board)]
    return found


def test_an_image_for_the_board_is_taken_as_measured(tmp_path: Path) -> None:
    image(tmp_path, "small", "nucleo_f446re")
    image(tmp_path, "small", "bbc_microbit", ram_bytes=16_385)
    assert of(tmp_path, "small", "nucleo_f446re") == Fit("small", "nucleo_f446re", 17_000, 4_000, True, True)
    assert of(tmp_path, "small", "bbc_microbit") == Fit("small", "bbc_microbit", 17_000, 16_385, True, False)


def test_another_boards_image_serves_with_this_boards_stack_and_one_of_the_same_core_first(tmp_path: Path) -> None:
    image(tmp_path, "small", "nucleo_f446re", ram_bytes=4_000 + 1)
    image(tmp_path, "small", "mps2_an385", flash_bytes=18_000)
    stack = load("mps2").memory.stack
    assert of(tmp_path, "small", "mps2_an386") == Fit(
        "small", "mps2_an386", 17_000, 1_953 + stack, False, True
    )  # a Cortex-M4
    assert of(tmp_path, "small", "bbc_microbit").flash == 18_000  # no Cortex-M0 here: the largest


def test_an_exported_model_is_computed_from_its_manifest_on_top_of_another_models_image(tmp_path: Path) -> None:
    exported(tmp_path, EXPORTED)
    assert fits(tmp_path, load_all()) == ()  # nothing says how large the rest of an image is
    image(tmp_path, "small", "nucleo_f446re")
    nucleo = of(tmp_path, "stream", "nucleo_f446re")
    assert (nucleo.flash, nucleo.measured, nucleo.fits) == (207_000, False, True)
    assert nucleo.ram == 10_000 + 64 * 32 + 1_200 + load("nucleo").memory.stack
    exported(
        tmp_path, dataclasses.replace(EXPORTED, name="large", model=dataclasses.replace(EXPORTED.model, bytes=300_000))
    )
    assert not of(tmp_path, "large", "bbc_microbit").fits and of(tmp_path, "large", "nucleo_f446re").fits


def test_what_cannot_be_read_is_named_and_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image(tmp_path, "small", "nucleo_f446re")
    path = RunFolder(tmp_path / "small").firmware("nucleo_f446re") / "size.json"
    path.write_text('{"flash_bytes": 17000}')
    (tmp_path / "broken").mkdir()
    RunFolder(tmp_path / "broken").manifest.write_text("{}")
    assert fits(tmp_path, load_all()) == ()
    assert str(path) in capsys.readouterr().err
    image(tmp_path, "other", "nucleo_f446re")
    assert {each.model for each in fits(tmp_path, load_all())} == {"other"}
    assert "format is None" in capsys.readouterr().err


def test_the_command_lists_every_board_with_and_without_models(tmp_path: Path) -> None:
    result = run_module("boards", "--runs", tmp_path / "none")
    assert result.returncode == DONE
    listed = [line.split()[0] for line in result.stdout.splitlines()[1:]]
    assert listed == [board.name for board in load_all()]
    assert "No model under" in result.stderr
    image(tmp_path, "small", "nucleo_f446re")
    image(tmp_path, "huge", "nucleo_f446re", flash_bytes=600_000)
    rows = {line.split()[0]: line for line in run_module("boards", "--runs", tmp_path).stdout.splitlines()}
    assert rows["nucleo_f446re"].endswith("-huge, small")
    assert rows["bbc_microbit"].endswith("-~huge, ~small")
    facts = {each["name"]: each for each in json.loads(run_module("boards", "--json", "--runs", tmp_path).stdout)}
    assert facts["nucleo_f446re"]["models"][1] == dataclasses.asdict(of(tmp_path, "small", "nucleo_f446re"))
    assert facts["nucleo_f446re"]["short_name"] == "nucleo"
