"""The page that puts the paper beside the code names functions and tensors that exist."""

import importlib
import re
from pathlib import Path

import pytest

from numpy_vitmatte import VitMatteForImageMatting, reference

ROOT = Path(__file__).resolve().parent.parent
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs/paper.md").read_text(encoding="utf-8").splitlines()
    if re.fullmatch(r"\|[^|]+\|[^|]*\|[^|]*\|", line) and "---" not in line
][1:]
FUNCTIONS = [name for row in ROWS for name in re.findall(r"`([\w.]+)`", row[1])]
TENSORS = [name for row in ROWS for name in re.findall(r"`([\w.]+)`", row[2])]


def test_the_table_was_found():
    """Every row has a function, and the table all functions of the network's parts."""
    assert all(re.fullmatch(r"`[\w.]+`", row[1]) for row in ROWS)
    parts = {"patch_embed", "block", "attention", "window_attention", "residual_neck", "mlp", "convstream"}
    assert parts | {"fusion_block", "matting_head", "vitmatte"} <= set(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_function_exists(name):
    module, _, function = name.rpartition(".")
    assert callable(getattr(importlib.import_module(module) if module else reference, function))


@pytest.fixture(scope="module")
def tensors():
    return VitMatteForImageMatting.from_pretrained("vitmatte-tiny").tensors


@pytest.mark.parametrize("name", TENSORS)
def test_the_tensor_exists(name, tensors):
    pattern = re.compile(re.escape(name).replace(r"\.N\.", r"\.\d+\."))
    assert any(pattern.fullmatch(tensor) for tensor in tensors)


def part_of(tensor):
    """The part of the network that a tensor belongs to; both norms of a block are one part."""
    return re.match(r"backbone\.encoder\.layer\.\w+\.[a-z]+|\w+\.\w+", tensor)[0].replace(".N.", ".0.")


def test_no_part_of_a_checkpoint_is_left_out(tensors):
    named = {part_of(name) for name in TENSORS}
    assert {part_of(re.sub(r"layer\.\d+", "layer.0", tensor)) for tensor in tensors} == named
