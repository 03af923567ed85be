"""The commands of `python -m export`, one module each: `add(subparsers)` describes it, `call(arguments)` does it."""

from export.commands import bench, compile, inspect, run

__all__ = ["bench", "compile", "inspect", "run"]
