"""The figures of a comparison's report, as <svg> elements that take the page's colours and are the same bytes every
time.

    figures = draw(values)      values of comparison.json
    figures["risk_coverage"], figures["hybrid"], figures["ranking"], figures["calibration"]

Matplotlib draws in stand-in colours, which are then replaced by variables of the page's style sheet: one figure serves
light and dark. Bands are one deviation over the seeds to either side of the mean.
"""

import io
from collections.abc import Sequence
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from train.evaluation import hybrid
from train.evaluation.latency import Times

# Stand-ins, each replaced by the variable of the style sheet in report.html.
INK: Final = "#010203"
SOFT: Final = "#010204"
LINE: Final = "#010205"
SERIES: Final = tuple(
    f"#0a0b{index:02x}" for index in range(1, 11)
)  # the first rule's is INK, as it is what others differ from
VARIABLES: Final = {INK: "--ink", SOFT: "--soft", LINE: "--line"} | {
    colour: f"--series-{index}" for index, colour in enumerate(SERIES, start=1)
}
DASHES: Final = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)))  # when there are more rules than colours
STYLE: Final[dict[Any, Any]] = {
    "font.size": 11,
    "font.family": "DejaVu Sans",  # comes with matplotlib, so the figures are laid out alike everywhere
    "svg.fonttype": "none",
    "svg.hashsalt": "demur",  # else identifiers inside an SVG are random
    "text.color": INK,
    "axes.labelcolor": SOFT,
    "axes.edgecolor": LINE,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.titlepad": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 2,
    "lines.solid_capstyle": "round",
}
ALL_BANDS: Final = 5  # with more lines only the first and the best have a band, else no one tells them apart
LEGEND_COLUMNS: Final = 6  # as many names as fit beside each other
LEAST_COVERAGE: Final = 0.3  # below it a curve rests on few samples, and no one sends seven in ten away


def draw(values: dict[str, Any]) -> dict[str, Markup]:
    """Every figure by its name; "scores" only if a rule is judged with more than one."""
    own = [row for row in values["rows"] if row["own"]]
    with mpl.rc_context(STYLE):
        figures = {
            "risk_coverage": _risk_coverage(values, own, "rules, each under its own score"),
            "hybrid": _hybrid(values, own),
            "ranking": _ranking(values),
            "calibration": _calibration(values),
        }
        if scores := _scores_of_one_rule(values):
            figures["scores"] = _risk_coverage(values, scores, f"scores on the same {plain(scores[0]['rule'])} models")
        return {name: _svg(figure) for name, figure in figures.items()}


def plain(name: str) -> str:
    return name.replace("_", " ")


def style(index: int) -> dict[str, Any]:
    """Colour and dashes of the rule of that place: INK for the first one."""
    if index == 0:
        return {"color": INK, "linestyle": "-"}
    turn, place = divmod(index - 1, len(SERIES))
    return {"color": SERIES[place], "linestyle": DASHES[turn % len(DASHES)]}


def _scores_of_one_rule(values: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of the rule that is judged with the most scores, the first of such; none if each has one."""
    rules = [[row for row in values["rows"] if row["rule"] == rule["name"]] for rule in values["rules"]]
    rows = max(rules, key=len)
    return rows if len(rows) > 1 else []


def _risk_coverage(values: dict[str, Any], rows: Sequence[dict[str, Any]], what: str) -> Figure:
    """Left selective risk against coverage, right its difference from the first row's, which tells small gains
    apart."""
    figure, (left, right) = _panels(2, 4.6)
    seen = np.array(values["coverages"]) >= LEAST_COVERAGE
    coverage = np.array(values["coverages"])[seen]
    first = np.array(rows[0]["curve"]["risk"]["mean"])[seen]
    banded = _banded(values, rows)
    for index, row in enumerate(rows):
        name = plain(row["rule"] if row["own"] and what.startswith("rules") else row["score"])
        mean, deviation = (np.array(row["curve"]["risk"][key])[seen] for key in ("mean", "deviation"))
        _band(left, coverage, mean, deviation if row["name"] in banded else None, index, name, least=0)
        _band(right, coverage, mean - first, None, index, None)
    left.set(title=f"Selective risk, {what}", xlabel="coverage", ylabel="wrong among the answered")
    left.set_ylim(bottom=0)
    right.set(title=f"Against {plain(rows[0]['rule'] if what.startswith('rules') else rows[0]['score'])}",
              xlabel="coverage", ylabel="difference of risk (below 0 is better)")  # fmt: skip
    for axes in (left, right):
        axes.set_xlim(LEAST_COVERAGE, 1)
        _percent(axes.xaxis, axes.yaxis)
    _legend(figure, left)
    return figure


def _hybrid(values: dict[str, Any], rows: Sequence[dict[str, Any]]) -> Figure:
    """Accuracy of base and large model together against coverage, MACs and, if it is modelled, latency."""
    prices = ["coverage", "macs"] + (["latency"] if values["latency"] else [])
    figure, panels = _panels(len(prices), 4.6)
    large = values["large"]["accuracy"]["mean"]
    least = large
    costs, banded = {rule["name"]: rule for rule in values["rules"]}, _banded(values, rows)
    for price, axes in zip(prices, panels, strict=True):
        axes.axhline(large, color=SOFT, linewidth=1.2, linestyle=(0, (4, 2)), label="large model alone")
        for index, row in enumerate(rows):
            coverage, mean, deviation = _from_nothing(values, row, large)
            along, label = _price(price, coverage, costs[row["rule"]], values)
            shown = coverage >= LEAST_COVERAGE
            around = deviation[shown] if row["name"] in banded else None
            least = min(least, float((mean[shown] if around is None else mean[shown] - around).min()))
            _band(axes, along[shown], mean[shown], around, index, plain(row["rule"]))
            axes.set_xlabel(label)
        axes.set_ylim(least - 0.1 * (large - least), large + 0.12 * max(large - least, 1e-3))
        _percent(axes.yaxis)
    panels[0].set(title="Accuracy of base and large model together", ylabel="accuracy")
    panels[0].set_xlim(LEAST_COVERAGE, 1)
    _percent(panels[0].xaxis)
    for axes in panels[1:]:
        axes.xaxis.set_major_locator(MaxNLocator(5))
    panels[1].xaxis.set_major_formatter(FuncFormatter(_engineering))
    _legend(figure, panels[0])
    return figure


def _banded(values: dict[str, Any], rows: Sequence[dict[str, Any]]) -> set[str]:
    """Names of the rows that are drawn with a band."""
    if len(rows) <= ALL_BANDS:
        return {row["name"] for row in rows}
    return {rows[0]["name"], min(rows, key=lambda row: float(row["results"]["aurc"]["mean"]))["name"]}


def _from_nothing(
    values: dict[str, Any], row: dict[str, Any], large: float
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The hybrid's curve with coverage 0, the large model alone, in front."""
    curve, spread = row["curve"]["hybrid_accuracy"], values["large"]["accuracy"]["deviation"]
    return (
        np.append(0, values["coverages"]),
        np.append(large, curve["mean"]),
        np.append(spread, curve["deviation"]),
    )


def _price(
    price: str, coverage: np.ndarray[Any, Any], cost: dict[str, Any], values: dict[str, Any]
) -> tuple[np.ndarray[Any, Any], str]:
    if price == "coverage":
        return coverage, "coverage"
    if price == "macs":
        return hybrid.macs(coverage, cost["macs"], values["large"]["macs"], cost["router_macs"]), "MACs, mean"
    given = values["latency"]
    own = cost["macs"] + cost["router_macs"]
    times = Times(own * given["cycles_per_mac"] / given["hz"], given["uplink_seconds"], given["large_seconds"])
    return 1e3 * times.mean(coverage), "modelled latency, mean (ms)"


def _ranking(values: dict[str, Any]) -> Figure:
    """Every row in every criterion: mean, each seed, and the bootstrap interval; criteria beside each other."""
    rows, shown = values["rows"], list(values["criteria"].items())
    columns = min(len(shown), 4)
    lines = -(-len(shown) // columns)
    figure = Figure(figsize=(12, lines * (1.1 + 0.27 * len(rows))), layout="constrained")
    panels = figure.subplots(lines, columns, sharey=True, squeeze=False).ravel()
    rules = [rule["name"] for rule in values["rules"]]
    for axes, (key, criterion) in zip(panels, shown, strict=False):
        for place, row in enumerate(rows):
            result, colour = row["results"][key], style(rules.index(row["rule"]))["color"]
            factor = 1000 if key == "aurc" else 100
            axes.plot(
                [factor * result["low"], factor * result["high"]], [place, place], color=colour, linewidth=5, alpha=0.25
            )
            axes.plot([factor * value for value in result["values"]], [place] * len(result["values"]), "|", color=colour,
                      markersize=8)  # fmt: skip
            axes.plot(factor * result["mean"], place, "o", color=colour, markersize=6)
        best = next(row["results"][key]["mean"] for row in rows if row["name"] == criterion["winner"])
        axes.axvline(factor * best, color=SOFT, linewidth=0.8, linestyle=":")
        unit = "thousandths" if key == "aurc" else "%"
        axes.set_title(f"{criterion['title']}", fontsize=10)
        axes.set_xlabel(f"{unit}, {'higher' if criterion['higher_is_better'] else 'lower'} is better", fontsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.tick_params(labelsize=9)
        axes.grid(axis="y", visible=False)
        axes.set_yticks(range(len(rows)), [_row_name(row) for row in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
    for axes in panels[len(shown) :]:
        axes.set_visible(False)
    return figure


def _row_name(row: dict[str, Any]) -> str:
    return plain(row["rule"]) if row["own"] else f"· {plain(row['score'])}"


def _calibration(values: dict[str, Any]) -> Figure:
    """Left the reliability diagram after temperature scaling, right the calibration error before and after."""
    figure, (left, right) = _panels(2, 4.6)
    left.plot([0, 1], [0, 1], color=SOFT, linewidth=1.2, linestyle=(0, (4, 2)), label="calibrated")
    for index, rule in enumerate(values["rules"]):
        bins = rule["calibration"]["reliability"]
        size = np.array(bins["samples"])
        kept = size >= 0.005 * size.sum()  # a bin of a few samples says nothing
        left.plot(np.array(bins["confidence"])[kept], np.array(bins["accuracy"])[kept], marker="o", markersize=3.5,
                  label=plain(rule["name"]), **style(index))  # fmt: skip
        for key, shift, alpha in (("error_before", -0.17, 0.35), ("error", 0.17, 1.0)):
            error = rule["calibration"][key]
            right.barh(index + shift, error["mean"], 0.3, color=style(index)["color"], alpha=alpha, linewidth=0)
            right.plot([error["mean"] - error["deviation"], error["mean"] + error["deviation"]], [index + shift] * 2,
                       color=SOFT, linewidth=1)  # fmt: skip
    left.set(title="Reliability after temperature scaling", xlabel="softmax response", ylabel="share that was right")
    right.set(title="Calibration error, before (pale) and after", xlabel="expected calibration error, 15 bins")
    right.set_yticks(range(len(values["rules"])), [plain(rule["name"]) for rule in values["rules"]])
    right.set_ylim(len(values["rules"]) - 0.5, -0.5)
    right.set_xlim(left=0)
    right.grid(axis="y", visible=False)
    _percent(left.xaxis, left.yaxis, right.xaxis)
    _legend(figure, left)
    return figure


def _panels(count: int, height: float) -> tuple[Figure, Sequence[Axes]]:
    figure = Figure(figsize=(12, height), layout="constrained")
    figure.get_layout_engine().set(wspace=0.06)  # type: ignore[union-attr, call-arg]
    return figure, figure.subplots(1, count)


def _band(axes: Axes, x: Any, mean: Any, deviation: Any, index: int, label: str | None, least: float = -np.inf) -> None:
    """A line, and a band of one deviation to either side that stays above `least`. The first line lies on top."""
    look = style(index)
    order = 3 if index == 0 else 2.5
    axes.plot(x, mean, label=label, zorder=order, **look)
    if deviation is not None:
        axes.fill_between(
            x, np.maximum(mean - deviation, least), mean + deviation, color=look["color"], alpha=0.13, linewidth=0
        )


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    lines = -(-len(labels) // LEGEND_COLUMNS)
    columns = -(-len(labels) // lines)
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, handlelength=1.6, columnspacing=1.6)


def _percent(*sides: Any) -> None:
    for side in sides:
        side.set_major_formatter(PercentFormatter(1, symbol=" %"))


def _engineering(value: float, _: int) -> str:
    for limit, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= limit:
            return f"{value / limit:g}{unit}"
    return f"{value:g}"


def _svg(figure: Figure) -> Markup:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]  # without the XML prologue, which HTML does not take
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    return Markup(text)
