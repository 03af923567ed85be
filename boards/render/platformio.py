"""PlatformIO's side of a board: `render(board)` returns the JSON that its `boards_dir` holds as <name>.json,
`environments(boards)` all environments of firmware/platformio.ini, shipped as firmware/boards.ini, which `python -m
boards --platformio` writes anew.
"""

import json
from collections.abc import Iterable

from boards.board import Board

HEAD = """\
; The environments of platformio.ini, rendered from ../boards/*.toml by `python -m boards --platformio`: a board under the name people type,
; its monitor at the baud rate of the board's UART; <name>_tflm with TensorFlow Lite Micro in place of the generated C.
"""


def render(board: Board) -> str:
    return (
        json.dumps(
            {
                "name": board.title,
                "vendor": board.vendor,
                "url": board.url,
                "build": {"core": board.chip.core, "mcu": board.chip.part.lower(), "f_cpu": f"{board.clock.hz}L"},
                "upload": {
                    "maximum_size": board.budget.flash,
                    "maximum_ram_size": board.budget.ram,
                    "protocols": ["openocd"] if board.probe else [],
                },
            },
            indent=2,
        )
        + "\n"
    )


def environments(boards: Iterable[Board]) -> str:
    """Two sections for each board."""
    text = HEAD
    for board in boards:
        text += f"\n[env:{board.short_name}]\nboard = {board.name}\nmonitor_speed = {board.uart.baud}\n"
        text += f"\n[env:{board.short_name}_tflm]\nextends = env:{board.short_name}, tflm\n"
    return text
