"""Imports point down, floor by floor, and none brings an extra along."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "numpy_vitmatte"

# Every room of the package, from the cellar to the roof. A room imports itself and what stands before it.
ROOMS = [
    "errors",
    "_version",
    "reference",
    "reference_backward",
    "files",
    "runtime",
    "kernels",
    "kernels.fused",
    "kernels.gradients",
    "layers",
    "images",
    "hub",
    "configuration",
    "training",
    "processing",
    "checkpoint",
    "network",
    "gradients",
    "model",
    "trimaps",
    "matting",
    "pipeline",
    "training.finetuning",
    "tracing",
    "batch",
    "serve",
    "cli",
    "teaching",
    "testing",
    "__init__",
    "__main__",
]
LOOSE = 5  # modules beside the rooms that a newcomer has to know
EXTRAS = (
    "torch",
    "transformers",
    "pymatting",
    "matplotlib",
    "pytest",
    "hypothesis",
    "sphinx",
    "distributed",
    "huggingface_hub",
    "pillow_heif",
    "pillow_jxl",
    "fastapi",
    "uvicorn",
    "prometheus_client",
)


def room_of(module):
    """The room that a module belongs to, by its name inside the package."""
    return max((room for room in ROOMS if module == room or module.startswith(room + ".")), key=len)


def name_of(path):
    """``a.b`` for ``numpy_vitmatte/a/b.py``; a folder's ``__init__`` is the folder."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def imports_of(path):
    """Names of this package's modules that a file imports, at its top or inside its functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports by a relative name"
            names = [
                f"{node.module}.{alias.name}" if node.module == "numpy_vitmatte" else node.module
                for alias in node.names
            ]
        yield from (name.removeprefix("numpy_vitmatte.") for name in names if name.startswith("numpy_vitmatte."))


FILES = sorted(PACKAGE.rglob("*.py"))


def test_every_file_has_a_room():
    assert {room_of(name_of(path)) for path in FILES} == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_imports_point_down(room):
    allowed = ROOMS[: ROOMS.index(room) + 1]
    for path in (path for path in FILES if room_of(name_of(path)) == room):
        above = [name for name in imports_of(path) if room_of(name) not in allowed]
        assert not above, f"{path.relative_to(PACKAGE)} imports {above}"


@pytest.mark.parametrize("room", sorted({room_of(name_of(path)) for path in FILES if path.name == "__init__.py"}))
def test_no_circle_inside_a_room(room):
    """Modules of one room can be put in an order in which each imports only what comes before it."""
    members = {name_of(path): path for path in FILES if room_of(name_of(path)) == room and path.name != "__init__.py"}
    waiting = {name: {other for other in imports_of(path) if other in members} for name, path in members.items()}
    while free := [name for name, needs in waiting.items() if not needs & waiting.keys()]:
        for name in free:
            del waiting[name]
    assert not waiting


def test_every_room_says_what_it_means():
    """The first sentence of ``__init__`` is the room's meaning."""
    for path in FILES:
        if path.name == "__init__.py":
            assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path


def test_few_modules_lie_loose():
    loose = [path.stem for path in PACKAGE.glob("[!_]*.py")]
    assert len([*loose, "_version"]) <= LOOSE


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
    allowed = {"reference_backward.py": 350}  # all gradients in one file, as reference.py is one file
    lengths = {path.name: len(path.read_text("utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    long = {name: lines for name, lines in lengths.items() if lines > allowed.get(name, 300)}
    assert not long


def functions_of(path):
    """Every function of a file, those inside others too."""
    return [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)]


def test_functions_fit_on_a_screen():
    """At most 50 lines without the docstring."""
    for path in FILES:
        for function in functions_of(path):
            documented = len((ast.get_docstring(function, clean=False) or "").splitlines())
            lines = function.end_lineno - function.lineno + 1 - documented
            assert lines <= 50, f"{path.relative_to(PACKAGE)}: {function.name} has {lines} lines"


def test_functions_take_few_parameters():
    """At most eight. Kernels take what Numba and their inner loops want: named tuples where these cost nothing."""
    for path in FILES:
        if not room_of(name_of(path)).startswith("kernels"):
            for function in functions_of(path):
                taken = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
                assert len(taken) <= 8, f"{path.relative_to(PACKAGE)}: {function.name} takes {len(taken)}"
