"""The memory plan drawn as text: one line a buffer, one column an operator.

offset   bytes  operators   tensor
     0    8000  ##..        conv2d
"""

from contract.manifest import Memory


def draw(memory: Memory, operators: int) -> str:
    """Lines of text; `#` marks the operators during which a buffer is in use."""
    # TensorFlow joins the names of what it fused by semicolons: the first will do.
    width = max(operators, len("operators"))
    lines = [f"  offset   bytes  {'operators':{width}}  buffer"]
    for buffer in sorted(memory.buffers, key=lambda buffer: (buffer.first, buffer.offset)):
        used = "".join("#" if buffer.first <= index <= buffer.last else "." for index in range(operators))
        lines.append(f"{buffer.offset:8} {buffer.bytes:7}  {used:{width}}  {buffer.tensor.split(';')[0]}")
    lines.append(f"   arena {memory.arena_bytes:7}")
    return "\n".join(lines)
