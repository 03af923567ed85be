"""comparison.json as Markdown: every row with its figures, and the best of each column in bold.

print(table(values))
"""

from collections.abc import Iterable
from typing import Any


def table(values: dict[str, Any]) -> str:
    """Mean ± deviation over the seeds; a figure in bold is the best, one in italics cannot be told from it."""
    criteria = values["criteria"]
    headings = ["rule", "score", *(each["title"] for each in criteria.values())]
    lines = [_line(headings), _line("---" if at < 2 else "---:" for at in range(len(headings)))]
    for row in values["rows"]:
        cells = [_marked(row["name"], each, figure(key, row["results"][key])) for key, each in criteria.items()]
        lines.append(_line([row["rule"] if row["own"] else "", row["score"].replace("_", " "), *cells]))
    return "\n".join(lines)


def figure(key: str, result: dict[str, Any], digits: int = 1) -> str:
    """The mean ± deviation of a criterion: of an area in thousandths, of all others in per cent."""
    factor = 1000 if key == "aurc" else 100
    return f"{factor * result['mean']:.{digits}f} ± {factor * result['deviation']:.{digits}f}"


def _marked(row: str, criterion: dict[str, Any], text: str) -> str:
    if row == criterion["winner"]:
        return f"**{text}**"
    return f"*{text}*" if row in criterion["as_good"] else text


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
