"""Recurrent cells by name. A new cell is one file with a subclass of `train.cells.cell.Cell`, and one line in `CELLS`.

PyTorch is imported when a cell is first asked for.
"""

from typing import Final

CELLS: Final[dict[str, str]] = {
    "irnn": "train.cells.irnn:Irnn",
    "tarnn": "train.cells.tarnn:Tarnn",
    "rnn": "train.cells.rnn:Rnn",
    "fastrnn": "train.cells.fastrnn:FastRnn",
    "fastgrnn": "train.cells.fastgrnn:FastGrnn",
    "gru": "train.cells.gru:Gru",
    "lstm": "train.cells.lstm:Lstm",
}
