"""What a person looks at: `risk_coverage.png` and `report.html`, one file with its figures inside.

    write(config, results, chosen, validation, test, test_images, folder)

Both are the same bytes for the same run: no date, no random identifier.
"""

import base64
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jinja2
import matplotlib as mpl
import numpy as np
import sklearn
import torch
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imsave
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from contract.run_folder import RunFolder
from train.config import RunConfig
from train.evaluate import Answers, Chosen, Training
from train.evaluation import risk_coverage

# Colours that stay apart for colour-blind readers: Okabe and Ito, "Color Universal Design", 2008.
BASE: Final = "#d55e00"
LARGE: Final = "#0072b2"
HYBRID: Final = "#009e73"
IDEAL: Final = "#8a8f98"
INK: Final = "#1f2933"
STYLE: Final[dict[Any, Any]] = {
    "font.size": 10,
    "font.family": "DejaVu Sans",  # comes with matplotlib, so the figures look alike everywhere
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#b8bfc8",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e8ebef",
    "xtick.color": "#52606d",
    "ytick.color": "#52606d",
    "legend.frameon": False,
    "svg.hashsalt": "demur",  # else identifiers inside an SVG are random
}
ABSTAINED_SHOWN: Final = 24
LEAST_DOUBT: Final = 1e-6  # left end of the histogram of 1 - score


@dataclass(frozen=True)
class Abstained:
    """A test sample that the base model abstained from, for the report's grid."""

    image: str  # PNG as a data URL
    label: str
    base: str
    base_right: bool
    large: str
    large_right: bool
    score: float


def write(
    config: RunConfig,
    results: Training,
    chosen: Chosen,
    validation: Answers,
    test: Answers,
    test_images: NDArray[np.float32],
    folder: RunFolder,
) -> None:
    """Write `report.html` and `risk_coverage.png` into the run folder."""
    with mpl.rc_context(STYLE):
        pair = Figure(figsize=(11.5, 4.6), layout="constrained")
        left, right = pair.subplots(1, 2, gridspec_kw={"wspace": 0.06})
        _risk_coverage(left, results, chosen, validation, test)
        _hybrid(right, results)
        pair.savefig(folder.risk_coverage, dpi=150)
        figures = {
            "risk_coverage": _svg(lambda axes: _risk_coverage(axes, results, chosen, validation, test)),
            "hybrid": _svg(lambda axes: _hybrid(axes, results)),
            "scores": _svg(lambda axes: _scores(axes, chosen, test)),
            "learning": _svg(lambda axes: _learning(axes, folder.metrics)),
        }
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    abstained = _abstained(results, chosen, test, test_images)
    page = environment.get_template("report.html").render(
        config=config,
        results=results,
        figures=figures,
        large_temperature=chosen.large_temperature,
        abstained=abstained[:ABSTAINED_SHOWN],
        abstained_count=len(abstained),
        toml=folder.config.read_text(),
        versions={"torch": torch.__version__, "numpy": np.__version__, "scikit-learn": sklearn.__version__},
    )
    folder.report.write_text(page)


def _risk_coverage(axes: Axes, results: Training, chosen: Chosen, validation: Answers, test: Answers) -> None:
    """Selective risk of the base model against coverage, with the operating point and the ideal."""
    correct, gate = test.base_correct, results.gate.test
    ideal = risk_coverage.curve(risk_coverage.ideal_scores(correct), correct)
    seen = risk_coverage.curve(chosen.scores(validation), validation.base_correct)
    coverage, risk = ([getattr(point, name) for point in results.curve] for name in ("coverage", "selective_risk"))
    # Up to its first point the ideal accepts right predictions only.
    axes.plot(np.append(0, ideal.coverage), np.append(0, ideal.risk), color=IDEAL, linestyle=(0, (4, 2)), label="ideal")
    axes.plot(seen.coverage, seen.risk, color=BASE, alpha=0.45, linewidth=1, label="base, validation split")
    axes.plot(coverage, risk, color=BASE, linewidth=2, label="base, test split")
    axes.plot(
        gate.coverage,
        gate.selective_risk,
        "o",
        color=INK,
        markersize=8,
        label="operating point",
        zorder=5,
        clip_on=False,
    )
    axes.axvline(gate.coverage, color=INK, linewidth=0.8, linestyle=":")
    axes.annotate(
        f"answers {_text(gate.coverage, 1)},\nof which {_text(gate.selective_risk)} wrong",
        (gate.coverage, gate.selective_risk),
        xytext=(-12, 34),
        textcoords="offset points",
        horizontalalignment="right",
        arrowprops={"arrowstyle": "-", "color": INK, "linewidth": 0.8, "shrinkB": 5},
    )
    axes.set(
        title="Risk against coverage", xlabel="coverage (share answered by the base model)", ylabel="selective risk"
    )
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0, top=1.25 * max(*risk, 0.01))
    _percent(axes.xaxis, axes.yaxis)
    axes.legend(loc="upper left")


def _hybrid(axes: Axes, results: Training) -> None:
    """Accuracy of base and large together against coverage: what asking less often costs."""
    gate = results.gate.test
    coverage, accuracy = ([getattr(point, name) for point in results.curve] for name in ("coverage", "hybrid_accuracy"))
    for role, colour, value in (
        ("large model alone", LARGE, results.large.test_accuracy),
        ("base model alone", BASE, results.base.test_accuracy),
    ):
        axes.axhline(value, color=colour, linewidth=1.2, linestyle=(0, (4, 2)), label=f"{role}, {_text(value)}")
    axes.plot(np.append(0, coverage), np.append(results.large.test_accuracy, accuracy), color=HYBRID, linewidth=2,
              label="hybrid")  # fmt: skip
    axes.plot(gate.coverage, gate.hybrid_accuracy, "o", color=INK, markersize=8, zorder=5,
              label=f"operating point, {_text(gate.hybrid_accuracy)}")  # fmt: skip
    axes.axvline(gate.coverage, color=INK, linewidth=0.8, linestyle=":")
    axes.set(title="Accuracy of the hybrid, test split", ylabel="accuracy",
             xlabel="coverage (the rest goes to the large model)")  # fmt: skip
    axes.set_xlim(0, 1)
    _percent(axes.xaxis, axes.yaxis)
    axes.legend(loc="center left")


def _scores(axes: Axes, chosen: Chosen, test: Answers) -> None:
    """How many test samples have which score, right and wrong apart, by the probability that the score leaves open."""
    doubt, correct = 1 - chosen.scores(test), test.base_correct
    # On a logarithmic axis, since most scores are close to 1; a score of 1, or beyond it with its class's offset, goes
    # into the last bin.
    bins = np.geomspace(max(float(doubt.min()), LEAST_DOUBT), 1, 41)
    doubt = doubt.clip(min=bins[0], max=1)
    axes.hist([doubt[correct], doubt[~correct]], bins=list(bins), stacked=True, color=[HYBRID, BASE],
              label=["right", "wrong"])  # fmt: skip
    axes.axvline(max(1 - chosen.threshold, float(bins[0])), color=INK, linewidth=1.2, linestyle=":",
                 label=f"threshold {chosen.threshold:.4f}")  # fmt: skip
    axes.set_xscale("log")
    axes.invert_xaxis()
    axes.set(title="Scores of the base model, test split", xlabel="1 - score (surer to the right)", ylabel="samples")
    axes.legend(loc="upper left")


def _learning(axes: Axes, metrics: Path) -> None:
    """Validation error of both models, epoch by epoch."""
    records = [json.loads(line) for line in metrics.read_text().splitlines()]
    for role, colour in (("base", BASE), ("large", LARGE)):
        own = [record for record in records if record["model"] == role]
        axes.plot([record["epoch"] for record in own], [1 - record["validation_accuracy"] for record in own],
                  color=colour, label=role)  # fmt: skip
    axes.set_yscale("symlog", linthresh=0.01)  # straight below 1 %, so that 0 has a place
    axes.set_ylim(bottom=0)
    axes.set(title="Validation error while training", xlabel="epoch", ylabel="error rate")
    _percent(axes.yaxis)
    axes.legend(loc="upper right")


def _percent(*sides: Any) -> None:
    for side in sides:
        side.set_major_formatter(PercentFormatter(1, symbol=" %"))


def _text(share: float, digits: int = 2) -> str:
    return f"{100 * share:.{digits}f} %"


def _svg(draw: Callable[[Axes], None]) -> Markup:
    """A figure as an <svg> element."""
    figure = Figure(figsize=(5.8, 4.2), layout="constrained")
    draw(figure.subplots())
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    text = buffer.getvalue()
    return Markup(text[text.index("<svg") :])  # without the XML prologue, which HTML does not take


def _abstained(results: Training, chosen: Chosen, test: Answers, images: NDArray[np.float32]) -> list[Abstained]:
    """The test samples that the base model abstains from, least sure first."""
    scores, base, large = chosen.scores(test), test.base.predicted, test.large.argmax(axis=1)
    order = [index for index in np.argsort(scores, kind="stable") if scores[index] < chosen.threshold]
    return [
        Abstained(
            image=_data_url(images[index]),
            label=results.classes[test.labels[index]],
            base=results.classes[base[index]],
            base_right=bool(test.base_correct[index]),
            large=results.classes[large[index]],
            large_right=bool(test.large_correct[index]),
            score=float(scores[index]),
        )
        for index in order
    ]


def _data_url(image: NDArray[np.float32]) -> str:
    """An image [C, H, W] in [0, 1]: colour if it has three channels, else their mean as dark ink on white."""
    pixels = np.moveaxis(image, 0, -1) if len(image) == 3 else 1 - image.mean(axis=0)
    buffer = io.BytesIO()
    imsave(buffer, pixels, cmap="gray", vmin=0, vmax=1, format="png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
