"""How long the large model takes for one sample on this computer, measured once for a comparison."""

import json
import statistics
import time
from pathlib import Path
from typing import Final

from contract.run_folder import RunFolder
from train.compare.grid import LARGE, Grid, of_seed

WARM_UP: Final = 5
REPETITIONS: Final = 50


def seconds(grid: Grid, root: Path) -> float | None:
    """Median over REPETITIONS of one sample at a time, on one thread; kept in `large_time.json` under `root`.

    What the configuration says instead, if it does; None without [board].
    """
    if grid.latency is None:
        return None
    if grid.latency.large_milliseconds is not None:
        return grid.latency.large_milliseconds / 1e3
    path = path_of(root)
    if not path.exists():
        path.write_text(json.dumps({"seconds": _measure(RunFolder(root / of_seed(LARGE, grid.seeds[0])))}) + "\n")
    found: float = json.loads(path.read_text())["seconds"]
    return found


def path_of(root: Path) -> Path:
    return root / "large_time.json"


def _measure(run: RunFolder) -> float:
    import torch

    from train import models

    torch.set_num_threads(1)
    model, _ = models.load(run.base_checkpoint)
    sample = torch.rand(1, *model.input_shape)
    took = []
    with torch.inference_mode():
        for _ in range(WARM_UP + REPETITIONS):
            start = time.perf_counter()
            model(sample)
            took.append(time.perf_counter() - start)
    return statistics.median(took[WARM_UP:])
