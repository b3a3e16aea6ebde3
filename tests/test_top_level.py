"""``import numpy_vitmatte`` is quick, and gives every name when it is asked for."""

import ast
import importlib.util
from pathlib import Path

import pytest
from support.processes import run_python
from test_floors import ROOMS

import numpy_vitmatte

TREE = ast.parse(Path(numpy_vitmatte.__file__).read_text(encoding="utf-8"))


def test_lists_agree():
    """Names for people and for type checkers, and the modules that they come from."""
    block = next(node for node in TREE.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    static = {alias.name: node.module for node in block.body for alias in node.names}
    assert static.keys() | {"__version__"} == set(numpy_vitmatte.__all__)
    assert static == {name: f"numpy_vitmatte.{home}" for name, home in numpy_vitmatte._HOME.items()}


@pytest.mark.parametrize("name", numpy_vitmatte.__all__)
def test_every_name_is_there(name):
    assert name in dir(numpy_vitmatte)
    value = getattr(numpy_vitmatte, name)
    if name != "__version__":
        assert name.removesuffix("Fast").removesuffix("Pil") == value.__name__  # two other names of one class


def test_every_room_can_be_reached_from_the_top():
    """``import numpy_vitmatte; numpy_vitmatte.layers.norm`` needs no other import of ``layers``."""
    rooms = [room for room in ROOMS if not room.startswith("_") and "." not in room]
    if importlib.util.find_spec("fastapi") is None:
        rooms.remove("serve")  # which imports its extra
    code = f"import numpy_vitmatte\nfor room in {rooms}: print(getattr(numpy_vitmatte, room).__name__)"
    assert run_python("-c", code).split() == [f"numpy_vitmatte.{room}" for room in rooms]


@pytest.mark.parametrize("name", ["mate", "_hidden", "__wrapped__"])
def test_other_names_are_refused(name):
    with pytest.raises(AttributeError, match=f"module 'numpy_vitmatte' has no attribute '{name}'"):
        getattr(numpy_vitmatte, name)
    with pytest.raises(ImportError, match=f"cannot import name '{name}'"):
        exec(f"from numpy_vitmatte import {name}")


def test_importing_loads_nothing_else():
    loaded = run_python("-c", "import sys, numpy_vitmatte; print(*(name for name in sys.modules if 'num' in name))")
    own = {name for name in loaded.split() if name.split(".")[0] == "numpy_vitmatte"}
    assert own == {"numpy_vitmatte", "numpy_vitmatte._version"}
    assert not {"numpy", "numba"} & set(loaded.split())
