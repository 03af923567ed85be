"""Continuous integration: the workflow is valid, pinned, and calls what exists; the scripts that it shares with
people."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from boards import load_all

ROOT = Path(__file__).parents[1]
WORKFLOW = ROOT / ".github/workflows/ci.yml"
ACTION = ROOT / ".github/actions/set-up/action.yml"
EXTRAS = tuple(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])


def call(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=ROOT, env=os.environ | environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)  # fmt: skip


@pytest.fixture(scope="module")
def workflow() -> Any:
    yaml = pytest.importorskip("ruamel.yaml", reason="check-jsonschema, which brings ruamel.yaml, is not installed")
    return yaml.YAML(typ="safe").load(WORKFLOW)


def steps(workflow: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job in workflow["jobs"].items():
        for step in job["steps"]:
            yield name, step


@pytest.mark.parametrize(("path", "schema"), [(WORKFLOW, "github-workflows"), (ACTION, "github-actions")])
def test_files_follow_githubs_schema(path: Path, schema: str, tmp_path: Path) -> None:
    pytest.importorskip("check_jsonschema", reason="check-jsonschema is not installed")
    check = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}")
    result = call(*check, path)
    assert result.returncode == 0, result.stdout + result.stderr
    broken = tmp_path / path.name
    broken.write_text(path.read_text().replace("    steps:", "    stepz:").replace("  steps:", "  stepz:"))
    assert call(*check, broken).returncode == 1


@pytest.mark.parametrize("path", [WORKFLOW, ACTION])
def test_actions_are_pinned_to_a_commit_that_a_comment_names(path: Path) -> None:
    used = re.findall(r"uses: (.+)", path.read_text())
    assert used
    pinned: dict[str, str] = {}
    for action in used:
        if action.startswith("./"):
            assert (ROOT / action / "action.yml").is_file()
            continue
        found = re.fullmatch(r"([\w-]+/[\w-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)", action)
        assert found, action
        assert pinned.setdefault(found[1], found[2]) == found[2]


def test_every_job_is_bounded_and_may_only_read(workflow: Any) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    assert "cancel-in-progress" in workflow["concurrency"]
    for name, job in workflow["jobs"].items():
        assert 0 < job["timeout-minutes"] <= 120, name
        assert "permissions" not in job, name
        assert set([job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])) <= set(
            workflow["jobs"]
        )


def test_steps_are_shell_and_call_what_exists(workflow: Any) -> None:
    verbs = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    called = set()
    for name, step in steps(workflow):
        script = step.get("run", "")
        plain = re.sub(r"\$\{\{.*?\}\}", "value", script)
        syntax = subprocess.run(["bash", "-n"], input=plain, text=True, capture_output=True, check=False)
        assert syntax.returncode == 0, (name, syntax.stderr)
        for verb in re.findall(r"(?<!-)\bmake ((?:[a-z-]+ ?)+)", plain):
            if "apt-get" not in plain:
                assert set(verb.split()) <= verbs, (name, verb)
                called |= set(verb.split())
        for path in re.findall(r"(?<![/\w])(?:scripts|tests)/\S+", plain):
            assert list(ROOT.glob(path.strip("\"'"))), (name, path)
        for module in re.findall(r"python3? -m (\w+)", plain):
            assert module in ("venv", "pip") or (ROOT / module / "__main__.py").is_file(), (name, module)
        # What comes from a pull request never becomes part of a script.
        assert set(re.findall(r"\$\{\{ *([\w.]+)", script)) <= {"matrix.board", "matrix.extra"}, name
    assert called >= {"lint", "test", "demo", "firmware", "renode"}


def test_no_board_and_no_extra_is_written_twice(workflow: Any) -> None:
    written = "\n".join(step.get("run", "") for _, step in steps(workflow)) + json.dumps(
        [job.get("strategy") for job in workflow["jobs"].values()]
    )
    for board in load_all():
        for name in (board.name, *board.aliases):
            assert not re.search(rf"\b{name}\b", written), name


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_the_first_job_lists_boards_and_extras(workflow: Any, tmp_path: Path) -> None:
    (script,) = [step["run"] for name, step in steps(workflow) if step.get("id") == "lists"]
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (tmp_path / "bin/python").chmod(0o755)
    script = script.replace("boards.json", str(tmp_path / "boards.json"))
    result = call("bash", "-e", "-o", "pipefail", "-c", script,
                  GITHUB_OUTPUT=str(tmp_path / "output"), PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")  # fmt: skip
    assert result.returncode == 0, result.stderr
    listed = dict(line.split("=", 1) for line in (tmp_path / "output").read_text().splitlines())
    assert set(listed) == set(workflow["jobs"]["lists"]["outputs"])
    assert json.loads(listed["boards"]) == [board.short_name for board in load_all()]
    assert json.loads(listed["renode"]) == [board.short_name for board in load_all() if board.emulator.renode]
    assert json.loads(listed["extras"]) == list(EXTRAS)


def test_the_script_of_extras_knows_all_of_them_and_no_other() -> None:
    script = ROOT / "scripts/extras.py"
    assert json.loads(call(sys.executable, script, "--list").stdout) == list(EXTRAS)
    assert set(runpy.run_path(str(script))["COMMANDS"]) == set(EXTRAS)
    refused = call(sys.executable, script, "hosts")
    assert refused.returncode == 2 and "hosts" in refused.stderr and "host," in refused.stderr


def test_renode_of_another_checksum_is_not_unpacked(tmp_path: Path) -> None:
    archive, folder = tmp_path / "renode.tar.gz", tmp_path / "renode"
    subprocess.run(["tar", "-czf", archive, "-C", ROOT, "LICENSE"], check=True)
    result = call("sh", "scripts/renode.sh", folder, archive)
    assert result.returncode == 1 and not folder.exists()
    assert result.stderr.startswith(f"error: {archive}: its SHA-256 is ") and "nothing was unpacked" in result.stderr
    assert call("sh", "scripts/renode.sh").returncode == 2
    assert call("sh", "scripts/renode.sh", folder, tmp_path / "none").returncode == 2


def test_one_release_of_renode_is_named_everywhere() -> None:
    version = re.search(r"^version=(.+)$", (ROOT / "scripts/renode.sh").read_text(), re.MULTILINE)
    assert version
    for path in [
        ROOT / "README.md",
        *(ROOT / "host").rglob("*.py"),
        *(ROOT / "boards").rglob("*.py"),
        *(ROOT / "tests").rglob("*.robot"),
    ]:
        for named in re.findall(r"Renode (\d+\.\d+\.\d+)|renode-(\d+\.\d+\.\d+)", path.read_text()):
            assert version[1] in named, path


def test_the_size_report_wants_a_trained_run_and_another_checkout(tmp_path: Path) -> None:
    assert call("sh", "scripts/size_report.sh").returncode == 2
    result = call("sh", "scripts/size_report.sh", tmp_path, "runs/none")
    assert result.returncode == 2 and "runs/none: no trained model" in result.stderr
