"""The C array: the bytes come back from the text, from the compiler and from the interpreter."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export import carray
from export.errors import ExportError
from export.pipeline import Exported

PRINT_ARRAY = """
#include <cstdint>
#include <cstdio>
#include "model_data.h"

int main() {
    std::fprintf(stderr, "%u", static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(g_model_data) % 16));
    return std::fwrite(g_model_data, 1, g_model_data_len, stdout) == g_model_data_len ? 0 : 1;
}
"""


@given(st.binary(min_size=1, max_size=200))
def test_round_trip_of_any_bytes(content: bytes) -> None:
    _, source = carray.render(content)
    assert carray.parse_carray(source) == content
    assert carray.render(content)[1] == source


def test_the_compiler_sees_the_bytes_aligned(exported: Exported, tmp_path: Path) -> None:
    (tmp_path / "main.cc").write_text(PRINT_ARRAY)
    folder = exported.folder
    program = tmp_path / "main"
    command = ["g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-pedantic", f"-I{folder.path}",
               tmp_path / "main.cc", folder.path / "model_data.cc", "-o", program]  # fmt: skip
    subprocess.run([str(word) for word in command], check=True)
    result = subprocess.run([program], capture_output=True, check=True)
    assert result.stdout == folder.tflite.read_bytes()
    assert result.stderr == b"0"


def test_the_text_in_the_run_folder_is_the_model(exported: Exported) -> None:
    source = (exported.folder.path / "model_data.cc").read_text()
    content = exported.folder.tflite.read_bytes()
    assert carray.parse_carray(source) == content
    carray.verify(source, content, np.load(exported.folder.vectors)["input"][:8])


_, GOOD = carray.render(b"TFL3!")
DAMAGED = {
    "a byte lost": GOOD.replace(" 0x46,", ""),
    "a wrong length": GOOD.replace("= 5u", "= 6u"),
    "not a number": GOOD.replace("0x46", "0xzz"),
    "too long a number": GOOD.replace("0x46", "0x460"),
    "no array": GOOD.replace("g_model_data[]", "data[]"),
    "cut short": GOOD[: len(GOOD) // 2],
    "empty": "",
}


@pytest.mark.parametrize("source", DAMAGED.values(), ids=DAMAGED.keys())
def test_damaged_text_is_refused(source: str) -> None:
    assert source != GOOD
    with pytest.raises(ExportError, match="C array"):
        carray.parse_carray(source)


def test_a_text_of_another_model_is_found_out(exported: Exported) -> None:
    content = bytearray(exported.folder.tflite.read_bytes())
    end = content.index(b"Demur")
    content[end : end + 5] = b"Murde"  # the description, which no interpreter reads
    _, source = carray.render(bytes(content))
    codes = np.load(exported.folder.vectors)["input"][:1]
    with pytest.raises(ExportError, match="differs from the model"):
        carray.verify(source, exported.folder.tflite.read_bytes(), codes)
