"""Write gate.json: score codes of all scores, to which the gate in Python and in C is held.

    python tests/vectors/write_gate.py

The codes are those of `contract.gate`, once tests/contract/test_gate.py had held it to the definitions. So a change of
any code is a change of what boards decide, and shows in this file.
"""

import json
import random
from pathlib import Path

from contract.gate import SCORES, entropy, exponentials, head, normalised_max_logit, predicted_class

SCALE, TEMPERATURE = 0.11, 1.3
SHAPES = ((2, 256), (3, 40), (10, 4), (10, 60), (35, 120), (256, 256))  # classes, and how far their logits are apart


def table(score: str, classes: int) -> tuple[int, ...]:
    match score:
        case "entropy":
            return entropy.table(SCALE, TEMPERATURE, classes)
        case "normalised_max_logit":
            return normalised_max_logit.table(classes)
        case "head":
            return head.table(SCALE, -17)
        case _:
            return exponentials.table(SCALE, TEMPERATURE)


def cases() -> list[dict[str, object]]:
    chance = random.Random(0)
    made: list[dict[str, object]] = []
    for name, score in SCORES.items():
        if name == "router":  # that of head, behind a model
            continue
        for classes, spread in SHAPES:
            low = chance.randint(-128, 128 - spread)
            row = [chance.randrange(low, low + spread) for _ in range(classes)]
            extra = [chance.randrange(-128, 128)] if score.extra else []
            entries = table(name, classes)
            code = score.code(row, entries, extra)
            made.append({"score": name, "table": entries, "logits": row, "extra": extra,
                         "class": predicted_class(row), "code": code})  # fmt: skip
    return made


if __name__ == "__main__":
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases())
    (Path(__file__).parent / "gate.json").write_text(f"[\n{lines}\n]\n")
