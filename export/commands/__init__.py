"""The commands of `python -m export`, one module each: `add(subparsers)` describes it, `call(arguments)` does it."""
