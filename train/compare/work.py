"""The trainings of a comparison, one process per core; what is complete is left alone.

    train_all(grid.trainings(), Path("runs/rules_digits"), processes=2, restart=False)

Each training is a run of its own (`train.run`) that draws its random numbers from its own seed, so its result depends
neither on the number of processes nor on what ran before it. What it has to say goes into `train.log` in its folder.
"""

import contextlib
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from contract.errors import INTERRUPTED
from contract.progress import Progress
from contract.run_folder import RunFolder
from train.compare import answers
from train.compare.grid import LARGE, of_seed
from train.config import RunConfig, Trained
from train.errors import TrainError

Job = tuple[RunConfig, Path, Trained, bool]  # arguments of train_one


@dataclass(frozen=True)
class Done:
    """The end of a training: how long it took, None if it was complete before, and what went wrong, if anything."""

    seconds: float | None
    error: tuple[str, str, int] | None = None  # arguments of TrainError, which does not travel between processes


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


def train_all(trainings: Mapping[str, RunConfig], folder: Path, processes: int, *, restart: bool) -> None:
    """Do what is left of the trainings, each in the folder of its name, and write what their models answer.

    Those that need the large model of their seed come after the others; of these, the routers take the base model of a
    rule that has trained the very same one. Raises the first TrainError, after all that could be trained have been.
    """
    alone = {name: config for name, config in trainings.items() if config.large is None}
    rest = {name: config for name, config in trainings.items() if name not in alone}
    with Progress("compare", len(trainings)) as progress:
        for stage in (alone, rest):
            if stage:
                jobs = {
                    name: (config, folder / name, _trained(config, alone, folder), restart)
                    for name, config in stage.items()
                }
                _train_stage(jobs, processes, progress)


def _trained(config: RunConfig, alone: Mapping[str, RunConfig], folder: Path) -> Trained:
    """What a training takes from those of the first stage."""
    if config.large is None:
        return Trained()
    large = RunFolder(folder / of_seed(LARGE, config.seed)).base_checkpoint
    same = [name for name, other in alone.items() if (other.base, other.seed) == (config.base, config.seed)]
    return Trained(RunFolder(folder / same[0]).base_checkpoint if same else None, large)


def _train_stage(jobs: Mapping[str, Job], processes: int, progress: Progress) -> None:
    failed: list[tuple[str, tuple[str, str, int]]] = []
    for name, done in _one_by_one(jobs) if processes == 1 else _side_by_side(jobs, processes):
        if done.error:
            failed.append((name, done.error))
        took = "trained already" if done.seconds is None else f"{done.seconds:.0f} s"
        progress.advance(note=f"{name}: {'failed' if done.error else took}")
    if failed:
        name, (problem, next_step, exit_code) = min(failed)
        others = f" {len(failed) - 1} more failed as well." if len(failed) > 1 else ""
        raise TrainError(f"{name}: {problem}{others}", next_step, exit_code)


def _one_by_one(jobs: Mapping[str, Job]) -> Iterator[tuple[str, Done]]:
    for name, job in jobs.items():
        yield name, train_one(*job)


def _side_by_side(jobs: Mapping[str, Job], processes: int) -> Iterator[tuple[str, Done]]:
    context = multiprocessing.get_context("spawn")  # PyTorch's threads do not survive a fork
    with ProcessPoolExecutor(min(processes, len(jobs)), context, initializer=_end_with_parent) as pool:
        names = {pool.submit(train_one, *job): name for name, job in jobs.items()}
        try:
            for future in as_completed(names):
                yield names[future], future.result()
        except BrokenProcessPool:
            raise TrainError(
                f"{len(jobs)} trainings in {processes} processes: one was ended from outside, by a lack of memory perhaps.",
                "Run the same command again: it goes on. --processes 1 takes the least memory.",
            ) from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()
            raise


def train_one(config: RunConfig, folder: Path, trained: Trained, restart: bool) -> Done:
    """One training and its answers, in whatever process this is."""
    from train.run import train

    start, run = time.monotonic(), RunFolder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if restart:
        answers.path_of(run).unlink(missing_ok=True)
    complete = answers.path_of(run).exists()
    with (folder / "train.log").open("a") as log, contextlib.redirect_stderr(log):
        try:
            train(config, run, restart, trained)
            if not complete:
                answers.write(run)
        except TrainError as error:
            return Done(None, (error.problem, error.next_step, error.exit_code))
    return Done(None if complete else time.monotonic() - start)


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        sys.stderr.flush()
        os._exit(INTERRUPTED)

    threading.Thread(target=watch, daemon=True).start()
