"""Any labelled sequences in a CSV file: `set = "csv"`, `file = "mine.csv"`, `low` and `high` the range of its values.

One line is one time step, the first line names the columns:

    sequence,label,ax,ay,az
    walk-1,walking,0.12,-0.98,0.05
    walk-1,walking,0.15,-0.97,0.02
    rest-1,resting,...

Lines of a sequence follow each other, and all sequences are of the same length and have one label each. Classes are in
alphabetical order.
"""

import csv
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from train.data.dataset import DataSet
from train.data.unit import to_unit
from train.errors import TrainError

if TYPE_CHECKING:
    from train.config import Data

KEYS: Final = ["sequence", "label"]
FORM: Final = "Write one line per time step under the header `sequence,label,<one column per feature>`."


def load(config: "Data") -> DataSet:
    """Read and check the file. Raises TrainError naming the file, the line, what was found and what was expected."""
    path = Path(str(config.file))
    lines = _read(path)
    header = lines[0][1]
    if header[:2] != KEYS or len(header) < 3:
        raise TrainError(f"{path}: its header is {','.join(header)!r}, expected 'sequence,label,...'.", FORM)
    names: list[str] = []
    labels: list[str] = []
    sequences: list[list[list[float]]] = []
    for name, group in itertools.groupby(lines[1:], key=lambda line: line[1][0]):
        steps = list(group)
        number, first = steps[0]
        if name in names:
            raise TrainError(f"{path}, line {number}: sequence {name!r} goes on after another one.", FORM)
        for place, row in steps:
            if row[1] != first[1]:
                raise TrainError(
                    f"{path}, line {place}: the label is {row[1]!r}, expected {first[1]!r} as in the rest of sequence "
                    f"{name!r}.",
                    FORM,
                )
        if sequences and len(steps) != len(sequences[0]):
            raise TrainError(
                f"{path}, line {number}: sequence {name!r} has {len(steps)} time steps, expected {len(sequences[0])} as "
                f"{names[0]!r} has.",
                "Cut all sequences to one length, or fill them up to it.",
            )
        names.append(name)
        labels.append(first[1])
        sequences.append([_numbers(path, place, row[2:]) for place, row in steps])
    classes = sorted(set(labels))
    if len(classes) < 2:
        raise TrainError(f"{path}: its labels are {classes}, expected two classes or more.", FORM)
    values = np.array(sequences)  # [N, T, d]
    return DataSet(
        name=path.stem,
        images=to_unit(values, f"{path}: a value", config)[:, None],
        labels=np.array([classes.index(label) for label in labels], dtype=np.int64),
        classes=tuple(classes),
    )


def _read(path: Path) -> list[tuple[int, list[str]]]:
    """Line numbers and fields; every line with as many fields as the first."""
    try:
        with path.open(newline="") as file:
            reader = csv.reader(file, strict=True)
            lines = [(reader.line_num, row) for row in reader if row]
    except OSError as error:
        raise TrainError(
            f"{path}: cannot be read ({error.strerror}), expected a CSV file.", "Correct `file` under [data]."
        ) from None
    except (csv.Error, ValueError) as error:
        raise TrainError(f"{path}: not a CSV file ({error}).", FORM) from None
    if not lines:
        raise TrainError(f"{path}: empty, expected a CSV file.", FORM)
    for number, row in lines:
        if len(row) != len(lines[0][1]):
            raise TrainError(
                f"{path}, line {number}: {len(row)} fields, expected {len(lines[0][1])} as in the first line.", FORM
            )
    return lines


def _numbers(path: Path, number: int, fields: list[str]) -> list[float]:
    try:
        values = [float(field) for field in fields]
    except ValueError as error:
        raise TrainError(f"{path}, line {number}: {error}, expected numbers.", FORM) from None
    if not np.isfinite(values).all():
        raise TrainError(f"{path}, line {number}: holds {', '.join(fields)}, expected finite numbers.", FORM)
    return values
