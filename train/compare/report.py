"""report.html: one file with its figures inside, light or dark as the reader's system is, the same bytes for the same
figures.

path.write_text(page(values, toml))      values of comparison.json, text of the comparison's configuration
"""

from pathlib import Path
from typing import Any

import jinja2

from train.compare import figures
from train.compare.figures import plain, style
from train.compare.table import figure


def page(values: dict[str, Any], toml: str) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = plain
    rules = [rule["name"] for rule in values["rules"]]
    return environment.get_template("report.html").render(
        values=values,
        figures=figures.draw(values),
        rows={row["name"]: row for row in values["rows"]},
        first=values["rows"][0],
        as_good=lambda criterion: _as_good(values["rows"], criterion),
        headlines=_headlines(values["criteria"]),
        cell=figure,
        interval=_interval,
        target=_target,
        variants=_variants,
        colour=lambda rule: figures.VARIABLES[style(rules.index(rule))["color"]],
        toml=toml,
    )


def _interval(key: str, result: dict[str, Any]) -> str:
    factor = 1000 if key == "aurc" else 100
    return f"{factor * result['low']:.1f} – {factor * result['high']:.1f}"


def _as_good(rows: list[dict[str, Any]], criterion: dict[str, Any]) -> str:
    """The rows that are as good as the winner, by rule; with their scores where some of a rule's are not."""
    found = []
    for rule in dict.fromkeys(row["rule"] for row in rows):
        own = [row for row in rows if row["rule"] == rule and row["name"] != criterion["winner"]]
        good = [row["score"] for row in own if row["name"] in criterion["as_good"]]
        if good:
            found.append(plain(rule if len(good) == len(own) else f"{rule} ({', '.join(good)})"))
    return "; ".join(found) or "none"


def _headlines(criteria: dict[str, Any]) -> list[str]:
    """The area, and the first of each kind of criterion that a target asks for."""
    kinds = ("aurc", "risk_at_", "coverage_at_", "hybrid_")
    first = (next((key for key in criteria if key.startswith(kind)), None) for kind in kinds)
    return [key for key in first if key is not None]


def _variants(labels: list[str]) -> str:
    """The variant of each seed; "reward 4.0, 8.0, 8.0" if all differ in that one key."""
    keys = {label.partition("=")[0] for label in labels}
    if len(keys) > 1 or any("," in label for label in labels):
        return "; ".join(labels)
    return f"{keys.pop().rpartition('.')[2]} " + ", ".join(label.partition("=")[2] for label in labels)


def _target(target: dict[str, float]) -> str:
    ((key, value),) = target.items()
    relation = "at least" if key == "coverage" else "at most"
    return f"{plain(key)} of {relation} {100 * value:g} %"
