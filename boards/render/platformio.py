"""PlatformIO's board file: `render(board)` returns the JSON that its `boards_dir` holds as <name>.json."""

import json

from boards.board import Board


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
