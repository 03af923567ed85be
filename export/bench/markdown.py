"""The tables of the README: what models take on one core, made for speed and for size, beside TensorFlow Lite Micro.

    text = table(reports)           # reports of one board and core
    put(Path("README.md"), reports) # between <!-- bench BOARD CORE --> and <!-- end -->

TensorFlow Lite Micro's figures are those of tflm.toml, which says how they were measured.
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from export.bench import cycles
from export.bench.report import Report
from export.errors import ExportError

TFLM: Final = Path(__file__).with_name("tflm.toml")
END: Final = "<!-- end -->"


def table(reports: Sequence[Report]) -> str:
    """One row a report; a row of TensorFlow Lite Micro below the last one of each model that was measured with it."""
    modelled = reports[0].core == cycles.CORE
    headings = ["instructions", "MACs per instruction", *(["cycles (model)"] if modelled else []),
                "code, bytes", "constants, bytes", "RAM, bytes"]  # fmt: skip
    lines = [_row(["model", "engine", *headings]), _row(["---", "---", *["---:"] * len(headings)])]
    with TFLM.open("rb") as file:
        peer = tomllib.load(file).get(reports[0].core)
    shown = ""
    for number, report in enumerate(reports):
        name = report.model.split("/")[-1].removesuffix(".tflite")
        name = report.model.split("/")[0] if name == "model" else name  # every run has a model.tflite
        engine = "Demur, small code" if report.small else "Demur"
        cells = [f"{report.instructions:,.0f}", f"{report.macs / report.instructions:.2f}"]
        cells += [f"{report.cycles_modelled:,.0f}"] if report.cycles_modelled is not None else []
        cells += [f"{size:,}" for size in (report.flash_code, report.flash_const, report.ram)]
        lines.append(_row(["" if name == shown else name, engine, *cells]))
        shown = name
        last = number + 1 == len(reports) or reports[number + 1].model != report.model
        if last and peer and (measured := peer["models"].get(name)):
            fastest = min(other.instructions for other in reports if other.model == report.model)
            lines.append(_row(["", f"TFLM, {peer['kernels']}", *_peer(measured, report.macs, fastest, modelled)]))
    return "\n".join(lines)


def put(path: Path, reports: Sequence[Report]) -> None:
    """Replace the table of this board and core in a Markdown file. Raises ExportError if the file has no place for
    it."""
    begin = f"<!-- bench {reports[0].board} {reports[0].core} -->\n"
    try:
        before, found, rest = path.read_text(encoding="utf-8").partition(begin)
    except OSError as error:
        raise ExportError(f"{path}: cannot be read ({error.strerror}).", "Name a Markdown file.") from None
    _, end, after = rest.partition(END)
    if not found or not end:
        raise ExportError(f"{path}: has no lines {begin.strip()} and {END}.", "Put them where the table shall be.")
    path.write_text(f"{before}{begin}{table(reports)}\n{end}{after}", encoding="utf-8")


def _peer(measured: dict[str, Any], macs: int, ours: float, modelled: bool) -> list[str]:
    """What tflm.toml knows of a model, with how many times our instructions it takes."""
    instructions = measured["instructions"]
    cells = [f"{instructions:,} ({instructions / ours:.1f} times)", f"{macs / instructions:.2f}"]
    cells += [str(measured.get("cycles", ""))] if modelled else []
    sizes = (measured.get(name) for name in ("code", "constants", "ram"))
    return cells + ["" if size is None else f"{size:,}" for size in sizes]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
