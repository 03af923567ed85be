"""The PlatformIO platform of this project: boards from ../../boards, the compiler from PATH where there is one.

PlatformIO loads it because platformio.ini says `platform = symlink://platform`. It needs no network: a compiler on PATH
is used as it is, and only a missing one is asked of PlatformIO's registry; likewise SCons.
"""

import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # PlatformIO may be one that knows nothing of this project's environment

from platformio.platform.base import PlatformBase  # noqa: E402

from boards import load_all  # noqa: E402
from boards.render import platformio as board_file  # noqa: E402
from firmware.scons_package import seed  # noqa: E402

TOOLCHAIN = "toolchain-gccarmnoneeabi"


class DemurPlatform(PlatformBase):  # type: ignore[misc]
    """PlatformIO derives the class name from platform.json."""

    def get_boards(self, id_: str | None = None) -> Any:
        """Board files, rendered afresh: boards/*.toml is the only place where a board is described."""
        folder = Path(self.config.get("platformio", "boards_dir"))
        folder.mkdir(parents=True, exist_ok=True)
        for board in load_all():
            (folder / f"{board.name}.json").write_text(board_file.render(board), encoding="utf-8")
        return super().get_boards(id_)

    def configure_default_packages(self, options: dict[str, Any], targets: list[str]) -> None:
        """Asks PlatformIO for the packages this build needs and the machine does not have."""
        super().configure_default_packages(options, targets)
        if shutil.which("arm-none-eabi-gcc"):
            self.packages[TOOLCHAIN]["optional"] = True
        seed(Path(self.config.get("platformio", "packages_dir")))
