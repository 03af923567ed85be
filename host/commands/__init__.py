"""The commands of `python -m host`, one module each: `add(commands)` describes it, `call(arguments)` does it."""
