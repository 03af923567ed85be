"""Router: a second, small model reads statistics of the logits and features of the first, and its output "gate" is high
where the board should answer; the score is the sigmoid of it.

Kag et al., "Efficient Edge Inference by Selective Query", ICLR 2023, where the router says the opposite, when to ask.
The second model is compiled as the first; what it says is `extra` here.
"""

from typing import Final

from contract.gate.head import score as score
from contract.gate.head import table as table

NAME: Final = "router"
EXTRA: Final = "features"  # of the first model
