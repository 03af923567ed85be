"""python -m host.messages --out DIR: write the message table as DIR/messages.h."""

import argparse
import sys
from pathlib import Path

from contract.errors import DONE, run
from host.errors import HostError
from host.messages.c_header import render


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m host.messages", description="Write the message table as C.")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder that receives messages.h")
    path = parser.parse_args().out / "messages.h"
    text = render()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # An unchanged header keeps its date, so that an incremental build compiles nothing again.
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
    except OSError as error:
        raise HostError(f"{path}: cannot be written ({error.strerror}).", "Choose another folder with --out.") from None
    print(path)
    return DONE


if __name__ == "__main__":
    sys.exit(run(main))
