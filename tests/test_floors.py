"""Imports point down, floor by floor, and none brings an extra along."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "numpy_vitmatte"

# What a room may import of this package, by the beginning of the name.
FLOORS = {
    "kernels": ("kernels", "errors"),
    "layers": ("kernels", "layers.position"),
    "reference.py": (),
    "folding.py": (),
    "configuration": ("configuration", "checkpoint.location", "checkpoint.layout", "json_object", "errors"),
    "checkpoint": ("checkpoint", "configuration", "atomic_write", "errors"),
    "images": ("images", "atomic_write", "errors"),
    "matting": ("matting", "images", "kernels", "errors"),
    "processing": (
        "processing",
        "kernels.lookup",
        "kernels.parallel",
        "images",
        "checkpoint.location",
        "checkpoint.layout",
        "json_object",
        "configuration",
        "errors",
    ),
    "rectangles.py": ("kernels",),
    "decoder_plan.py": ("kernels", "layers", "rectangles"),
    "decoder.py": ("kernels", "layers", "rectangles", "decoder_plan"),
    "network.py": ("kernels", "layers", "folding", "configuration", "decoder", "errors"),
    "memory.py": (
        "kernels.parallel",
        "kernels.winograd",
        "configuration",
        "checkpoint.parameters",
        "decoder_plan",
        "rectangles",
        "errors",
    ),
    "photo_and_trimap.py": ("kernels.parallel", "images", "matting", "processing"),
    "photo_memory.py": ("memory",),
    "budget.py": ("images", "matting", "memory", "model_cache", "photo_memory"),
    "model.py": (
        "network",
        "memory",
        "kernels.parallel",
        "kernels.workspace",
        "checkpoint",
        "configuration",
        "initialization",
        "errors",
    ),
    "batch": (
        "batch",
        "estimate",
        "pipeline",
        "model",
        "matting",
        "images",
        "kernels.parallel",
        "checkpoint.location",
        "atomic_write",
        "json_object",
        "errors",
    ),
    "tracing": (
        "tracing",
        "pipeline",
        "photo_and_trimap",
        "model",
        "network",
        "matting",
        "processing",
        "images",
        "checkpoint",
        "configuration",
        "reference",
        "folding",
        "atomic_write",
        "errors",
    ),
    "testing": ("testing", "checkpoint", "configuration"),
}
EXTRAS = ("torch", "transformers", "pymatting", "matplotlib", "pytest", "hypothesis", "sphinx", "distributed")


def imports_of(path):
    """Names of this package's modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [
                f"{node.module}.{alias.name}" if node.module == "numpy_vitmatte" else node.module
                for alias in node.names
            ]
        yield from (name.removeprefix("numpy_vitmatte.") for name in names if name.startswith("numpy_vitmatte."))


@pytest.mark.parametrize("room", FLOORS)
def test_rooms_import_only_what_lies_below(room):
    files = [PACKAGE / room] if room.endswith(".py") else sorted((PACKAGE / room).glob("*.py"))
    assert files
    for path in files:
        above = (
            [name for name in imports_of(path) if not name.startswith(FLOORS[room])]
            if FLOORS[room]
            else [*imports_of(path)]
        )
        assert not above, f"{path.relative_to(PACKAGE)} imports {above}"


def test_the_reference_imports_numpy_alone():
    tree = ast.parse((PACKAGE / "reference.py").read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert names == {"math", "numpy"}
    assert not any(isinstance(node, ast.ImportFrom) for node in ast.walk(tree))


def test_importing_brings_no_extra():
    code = f"import sys, numpy_vitmatte, numpy_vitmatte.cli; print(*(name for name in {EXTRAS} if name in sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent, check=True)
    assert run.stdout.split() == []


def test_rooms_are_small():
    """A file of this package fits in one's head: at most 300 lines."""
    long = {
        path.name: lines for path in PACKAGE.rglob("*.py") if (lines := len(path.read_text("utf-8").splitlines())) > 300
    }
    assert not long
