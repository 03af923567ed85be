"""A .tflite file as Python objects and back, for edits that the converters have no option for.

    model = unpack(content)      # the schema's ModelT
    model.subgraphs[0].outputs = ...
    content = pack(model)

To look at a model, use `export.graph`, which checks what it reads. This is for files that our own tools have just made.
"""

from typing import Any, Final

import flatbuffers  # type: ignore[import-untyped]

# `table Buffer { data:[ubyte] (force_align: 16); ... }` in the schema. Python's generated code ignores the attribute,
# but a kernel on a microcontroller may load words, or pairs of words, straight from a constant.
BUFFER_ALIGNMENT: Final = 16


class _Builder(flatbuffers.Builder):  # type: ignore[misc]
    """Aligns vectors of bytes, which in this schema are the data of buffers (strings take another way)."""

    def StartVector(self, elemSize: int, numElems: int, alignment: int) -> Any:  # noqa: N802, N803 (the library's names)
        return super().StartVector(elemSize, numElems, BUFFER_ALIGNMENT if elemSize == 1 else alignment)


def unpack(content: bytes) -> Any:
    """Content of a .tflite file to the schema's ModelT."""
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromPackedBuf(content, 0)


def pack(model: Any) -> bytes:
    """ModelT to the content of a .tflite file. The same model gives the same bytes."""
    builder = _Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
