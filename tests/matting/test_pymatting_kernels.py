"""pymatting's compilation: announced, kept in our folder, and no error whatever is wrong with that folder.

A small package that compiles at its import, as pymatting does, stands for it: the real one takes a minute.
"""

import pytest
from support.processes import run_python

from numpy_vitmatte.matting import pymatting_kernels

pytestmark = pytest.mark.compiled

STAND_IN = """
from numba import njit

@njit("f8(f8)", cache=True)
def doubled(x):
    return 2 * x
"""

LOAD = """
import logging, sys
logging.basicConfig(stream=sys.stdout, format="%(message)s")
from numpy_vitmatte.matting import pymatting_kernels as kernels
if "as if read-only" in sys.argv:
    kernels._kept_folder = lambda: None
assert kernels.load_pymatting().doubled(3.0) == 6
print(kernels.kernels_compiled())
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Load the stand-in in a process of its own, whose caches lie in a folder, and say what it logs and compiles."""
    (tmp_path / "site" / "pymatting").mkdir(parents=True)
    (tmp_path / "site" / "pymatting" / "__init__.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))

    def run(*arguments, cache=tmp_path / "cache"):
        # No home, and temporary files where the test sees them.
        (tmp_path / "tmp").mkdir(exist_ok=True)
        settings = {"NUMBA_CACHE_DIR": str(cache), "HOME": "/nowhere", "TMPDIR": str(tmp_path / "tmp")}
        *said, compiled = run_python("-c", LOAD, *arguments, **settings).splitlines()
        assert list((tmp_path / "tmp").iterdir()) == []
        return said, int(compiled)

    return run


def kept(tmp_path, ending):
    return list((tmp_path / "cache").glob(f"numpy-vitmatte-kernels-*/pymatting/*{ending}"))


def test_announced_once_and_kept(tmp_path, load):
    said, compiled = load()
    assert compiled == 1
    assert len(said) == 1
    assert said[0].startswith("compiling pymatting's kernels for this processor: up to a minute, once (kept in ")
    assert kept(tmp_path, ".nbi")
    assert not list((tmp_path / "site").rglob("*.nbi"))
    assert load() == ([], 0)


def test_nowhere_to_keep_them(load):
    said, compiled = load(cache="/dev/null/none")
    assert compiled == 1
    assert said == [
        "compiling pymatting's kernels for this processor: up to a minute, in each process (they cannot be kept)"
    ]


def test_a_warm_folder_that_is_read_only_is_used(load):
    load()
    assert load("as if read-only") == ([], 0)


@pytest.mark.parametrize("ending", [".nbi", ".nbc"])
@pytest.mark.parametrize("content", [b"", b"no pickle"])
def test_a_damaged_file_costs_a_warning(tmp_path, load, ending, content):
    load()
    for file in kept(tmp_path, ending):
        file.write_bytes(content)
    said, compiled = load()
    assert compiled == 1
    assert "cannot be used" in said[0]


def test_a_function_of_no_module_is_not_pymattings():
    """Kernels that are made by their own text have none."""
    made = eval("lambda: 0", {})
    assert made.__module__ is None
    assert not pymatting_kernels._is_pymattings(made)
