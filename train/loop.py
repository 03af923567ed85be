"""The only training loop of models: batches through an update rule, a line of log and a state file after every epoch.

    torch.manual_seed(config.seed)
    model = models.build(...)
    for epoch in fit("base", model, config.base, data, parts, folder):
        print(epoch.loss)
    # now it is trained, and in eval mode

Every random number comes from torch's global generator, whose state is kept with the weights, so a run that was killed
goes on from its last whole epoch and ends bit-identical to one that was not.
"""

import dataclasses
import json
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from contract.errors import CHECK_FAILED
from contract.run_folder import RunFolder
from train import distil, losses, optimisers, updates
from train.abstain.outputs import Outputs, split
from train.augment import augment
from train.config import Model
from train.data import DataSet, Splits
from train.data.dataset import Pixels
from train.data.unit import real
from train.errors import TrainError
from train.heads.head import as_tuple
from train.losses.loss import Loss
from train.models import checkpoint
from train.models.classifier import Classifier

INFERENCE_BATCH = 512  # bounds the memory that a large data set takes


@dataclass(frozen=True)
class Epoch:
    """One line of metrics.jsonl; `epoch` counts from 1, `iterations` the batches since the start.

    Losses are means over samples: what is trained with, and on the validation split the cross-entropy of the classes in
    nats, whatever that is. Of a number both are squared errors, and there is no accuracy.
    """

    model: str
    epoch: int
    iterations: int
    learning_rate: float
    loss: float
    validation_loss: float
    validation_accuracy: float | None


def use(threads: int, device: str = "cpu") -> None:
    """Make PyTorch reproducible for the whole process: deterministic kernels and a fixed number of threads.

    Raises TrainError if the device is not there.
    """
    if device == "cuda":
        if not torch.cuda.is_available():
            raise TrainError(
                f"device is 'cuda', and PyTorch {torch.__version__} sees no such GPU.",
                'Set device = "cpu", or install the driver and PyTorch for that GPU.',
            )
        os.environ.setdefault(
            "CUBLAS_WORKSPACE_CONFIG", ":4096:8"
        )  # cuBLAS sums in a fixed order only with such a buffer
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(threads)


def state_file(folder: RunFolder, role: str) -> Path:
    """Weights, optimiser, schedule and random state after the last whole epoch; removed when the run is complete."""
    return folder.path / f"{role}.state.pt"


def state_files(folder: RunFolder) -> list[Path]:
    """Those of all trainings in a run folder."""
    return sorted(folder.path.glob(state_file(folder, "*").name))


def fit(
    role: str,
    model: Classifier,
    config: Model,
    data: DataSet,
    parts: Splits,
    folder: RunFolder,
    teacher: Classifier | None = None,
) -> Iterator[Epoch]:
    """Train `model`, on the device that it is on, with the train split, yielding after each epoch; goes on from
    `state_file` if there is one.

    `role` ("base" or "large") names the model in log and files; `teacher` is the trained model that `config.distil`, if
    there is one, learns from. Raises TrainError, keeping the last good state, if the loss or a weight is no longer
    finite.
    """
    images, labels = data.images[parts.train], torch.from_numpy(data.labels[parts.train])
    device = _device(model)
    batch = min(config.batch, len(images))
    most = len(images) // batch  # an incomplete batch is left out; the next epoch's order will have its samples
    steps = min(config.batches or most, most)
    optimiser, schedule = optimisers.build(config, model.parameters(), config.epochs * steps)
    loss = _loss(role, config, data, teacher)
    update = updates.build(config.update, model, optimiser, loss, config.clip)
    parts_of_state = {"model": model, "optimiser": optimiser, "schedule": schedule, "loss": loss, "update": update}

    path = state_file(folder, role)
    done = _restore(path, parts_of_state) if path.exists() else 0
    _forget_after(folder.metrics, role, done)

    for epoch in range(done + 1, config.epochs + 1):
        model.train()
        total = 0.0
        for chosen in torch.split(torch.randperm(len(images))[: steps * batch], batch):
            # What is random is drawn on the CPU, the same for every device.
            seen = augment(torch.from_numpy(real(images[chosen.numpy()])), config.augment).to(device)
            loss.see(seen)
            total += update(seen, labels[chosen].to(device))
            schedule.step()
        update.end_epoch()
        loss.end_epoch(epoch)
        validation_loss, validation_accuracy = _validate(model, data, parts)
        record = Epoch(
            model=role,
            epoch=epoch,
            iterations=epoch * steps,
            learning_rate=float(schedule.get_last_lr()[0]),
            loss=total / steps,
            validation_loss=validation_loss,
            validation_accuracy=validation_accuracy,
        )
        if not math.isfinite(record.loss + record.validation_loss) or not _finite(model):
            kept = f"{path} keeps epoch {epoch - 1}" if path.exists() else "no epoch was good"
            raise TrainError(
                f"{role}: the loss is {record.loss} and the validation loss {record.validation_loss} in epoch {epoch} "
                f"of {config.epochs}{'' if _finite(model) else ', and weights are not finite'}, at a learning rate of up to {config.learning_rate}; {kept}.",
                f"Lower learning_rate under [{role}] and run again with --restart.",
                exit_code=CHECK_FAILED,
            )
        with folder.metrics.open("a") as log:
            log.write(json.dumps(dataclasses.asdict(record)) + "\n")
        ended = config.stop_below > 0 and record.loss < config.stop_below  # some losses go below 0
        _keep(path, parts_of_state, config.epochs if ended else epoch, device)
        yield record
        if ended:
            break
    model.eval()


def _loss(role: str, config: Model, data: DataSet, teacher: Classifier | None) -> Loss:
    """The loss of the labels, joined by what the teacher says if the configuration distils."""
    loss = _of_labels(role, config, data)
    if config.distil is None:
        return loss
    assert teacher is not None  # `train.config` refuses to distil without a large model
    return distil.build(config.distil.name, loss, teacher, config.distil.options)


def _of_labels(role: str, config: Model, data: DataSet) -> Loss:
    """The loss of the configuration, or that of the labels. Raises TrainError if it is not for such labels."""
    fitting = losses.OF_NUMBERS if data.predicts_number else losses.OF_CLASSES
    if config.loss is None:
        return losses.build(fitting, len(data.classes), {})
    if data.predicts_number != (config.loss.name == losses.OF_NUMBERS):
        what = "a number" if data.predicts_number else "classes"
        raise TrainError(
            f"{role}.loss.name is {config.loss.name!r}, and data set {data.name} has {what} to predict, expected "
            f"{fitting!r}{'' if data.predicts_number else ' or another loss of classes'}.",
            f"Correct it under [{role}].",
        )
    return losses.build(config.loss.name, len(data.classes), config.loss.options)


def _finite(model: Classifier) -> bool:
    """Whether all weights are; a loss may miss those of a gate or of an auxiliary output."""
    return all(bool(torch.isfinite(value).all()) for value in model.state_dict().values())


def _validate(model: Classifier, data: DataSet, parts: Splits) -> tuple[float, float | None]:
    """Cross-entropy and accuracy, or the mean squared error of a number, on the validation split."""
    answers, labels = outputs(model, data.images[parts.validation]), data.labels[parts.validation]
    fitting = losses.OF_NUMBERS if data.predicts_number else losses.OF_CLASSES
    measure = losses.build(fitting, len(data.classes), {})
    loss = measure(torch.from_numpy(answers.logits), torch.from_numpy(labels)).item()
    return loss, None if data.predicts_number else float(np.mean(answers.predicted == labels))


def outputs(model: Classifier, images: Pixels) -> Outputs:
    """What the model says to images [N, C, H, W], in eval mode, which it is left in."""
    answers = [as_tuple(answer) for answer in _over(model, model, images)]
    joined = [torch.cat(parts).cpu().numpy() for parts in zip(*answers, strict=True)]
    return split(dict(zip(model.output_names, joined, strict=True)), model.classes)


def logits(model: Classifier, images: Pixels) -> NDArray[np.float32]:
    """Class logits [N, classes] of images [N, C, H, W], in eval mode, which the model is left in."""
    return outputs(model, images).logits


def features(model: Classifier, images: Pixels) -> NDArray[np.float32]:
    """What the head sees of images [N, C, H, W]: [N, feature_size], in eval mode, which the model is left in."""
    return torch.cat(_over(model, model.features, images)).cpu().numpy()


def _over(model: Classifier, run: Callable[[torch.Tensor], Any], images: Pixels) -> list[Any]:
    model.eval()
    with torch.inference_mode():
        starts = range(0, len(images), INFERENCE_BATCH)
        batches = (torch.from_numpy(real(images[start : start + INFERENCE_BATCH])) for start in starts)
        return [run(batch.to(_device(model))) for batch in batches]


def _device(model: Classifier) -> torch.device:
    return next(model.parameters()).device


def _keep(path: Path, parts_of_state: dict[str, Any], epoch: int, device: torch.device) -> None:
    state = {name: part.state_dict() for name, part in parts_of_state.items()}
    if device.type == "cuda":  # dropout draws there
        state["device_random"] = torch.cuda.get_rng_state()
    fresh = path.with_suffix(".new")
    torch.save({**state, "random": torch.get_rng_state(), "epoch": epoch}, fresh)
    fresh.replace(path)  # whole or not at all, should the process be killed here


def _restore(path: Path, parts_of_state: dict[str, Any]) -> int:
    """Load what `_keep` wrote and return its epoch."""
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
        for name, part in parts_of_state.items():
            part.load_state_dict(state[name])
        torch.set_rng_state(state["random"])
        if "device_random" in state:
            torch.cuda.set_rng_state(state["device_random"])
        epoch: int = state["epoch"]
    except checkpoint.DAMAGED as error:
        raise TrainError(
            f"{path}: not the state of this training ({checkpoint.reason(error)}).",
            "Train from the start with --restart.",
        ) from None
    return epoch


def _forget_after(log: Path, role: str, epoch: int) -> None:
    """Drop the lines of epochs that will be run again: a kill may fall between the log and the state."""
    if log.exists():
        lines = log.read_text().splitlines(keepends=True)
        records = [json.loads(line) for line in lines if line.endswith("\n")]
        kept = [record for record in records if record["model"] != role or record["epoch"] <= epoch]
        log.write_text("".join(json.dumps(record) + "\n" for record in kept))
