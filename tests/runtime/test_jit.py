"""When kernels are compiled, where their machine code is kept, and under which key."""

import json
import logging
import shutil
from pathlib import Path

import pytest
from support.processes import run_python

from numpy_vitmatte.runtime import jit

pytestmark = pytest.mark.compiled

REPORT = """
import json, logging, sys, warnings
records = []
class Keep(logging.Handler):
    def emit(self, record):
        records.append(record.getMessage())
logging.getLogger("numpy_vitmatte").addHandler(Keep())
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import numpy as np
    import numpy_vitmatte.model
    from numpy_vitmatte.kernels import jit
    from numpy_vitmatte.kernels.elementwise import gelu_, relu_
    at_import = jit.kernels_compiled()
    x = np.float32([-1, 2])
    relu_(x)
    first = jit.kernels_compiled()
    relu_(x)
    again = jit.kernels_compiled()
    gelu_(x)
json.dump({"at_import": at_import, "first": first, "again": again, "records": records, "result": x.tolist(),
           "warnings": [[w.category.__name__, str(w.message)] for w in caught]}, sys.stdout)
"""


def report(cache, **environment):
    """Run two kernels in a fresh process and return what it saw."""
    without = ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")
    return json.loads(run_python("-c", REPORT, without=without, NUMBA_CACHE_DIR=str(cache), **environment))


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    """Reports of a process that finds no machine code, and of the next one."""
    cache = tmp_path_factory.mktemp("kernels")
    return report(cache), report(cache), cache


def test_import_compiles_nothing(two_processes):
    """Not even in the process that finds no machine code kept."""
    assert [each["at_import"] for each in two_processes[:2]] == [0, 0]


def test_first_call_compiles_and_the_next_does_not(two_processes):
    """Once per kernel and type."""
    assert two_processes[0]["first"] == two_processes[0]["again"] == 1


def test_second_process_compiles_nothing(two_processes):
    """It reads the machine code that the first has kept, computes the same, and has nothing to announce."""
    first, second, _ = two_processes
    assert second["again"] == 0
    assert second["records"] == []
    assert second["result"] == first["result"] == pytest.approx([0, 1.9544997])


def test_compilation_is_announced_once(two_processes):
    """Two kernels are compiled; one message says what is going on and where the machine code is kept."""
    first, _, cache = two_processes
    assert len(first["records"]) == 1
    assert "compiling the kernels" in first["records"][0]
    assert f"kept in {cache / 'numpy-vitmatte-kernels-'}" in first["records"][0]


def test_cache_folder_holds_only_kernels(two_processes):
    """All machine code lies in one folder, named by the key of the sources."""
    cache = two_processes[2]
    assert [folder.name for folder in cache.iterdir()] == [f"numpy-vitmatte-kernels-{jit.source_key()}"]


def test_unusable_cache_folder_is_no_error(tmp_path):
    """One warning says what to do; the kernels are compiled for the process."""
    (tmp_path / "file").write_text("a file where a folder should be")
    seen = report(tmp_path / "file" / "cache")
    assert [category for category, _ in seen["warnings"]] == ["RuntimeWarning"]
    assert "no writable folder to keep compiled kernels in" in seen["warnings"][0][1]
    assert "set NUMBA_CACHE_DIR" in seen["warnings"][0][1]
    assert seen["first"] == 1
    assert seen["result"] == pytest.approx([0, 1.9544997])
    assert "for this process only" in seen["records"][0]


def test_cache_lies_in_the_users_cache_folder(tmp_path):
    """Without ``NUMBA_CACHE_DIR``: where ``XDG_CACHE_HOME`` points, else in ``~/.cache``."""
    report("", XDG_CACHE_HOME=str(tmp_path / "xdg"))
    report("", HOME=str(tmp_path / "home"))
    name = f"numpy-vitmatte-kernels-{jit.source_key()}"
    assert list((tmp_path / "xdg" / name).rglob("*.nbi"))
    assert list((tmp_path / "home" / ".cache" / name).rglob("*.nbi"))


PACKAGE = Path(jit.__file__).parents[1]
SOURCES = sorted(
    path.relative_to(PACKAGE).as_posix() for room in ("kernels", "runtime") for path in (PACKAGE / room).rglob("*.py")
)


@pytest.fixture
def copied_kernels(tmp_path, monkeypatch):
    """The kernel sources copied to another folder, which ``source_key`` then reads."""
    for room in ("kernels", "runtime"):
        shutil.copytree(PACKAGE / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(jit, "__file__", str(tmp_path / "runtime/jit.py"))
    return tmp_path


@pytest.mark.parametrize("name", SOURCES)
def test_an_edit_to_any_kernel_source_changes_the_key(copied_kernels, name):
    """Numba itself sees no edit to a kernel's callee in another file; an edit taken back gives the old key."""
    key = jit.source_key()
    source = (copied_kernels / name).read_bytes()
    (copied_kernels / name).write_bytes(source + b"\n")
    assert jit.source_key() != key
    (copied_kernels / name).write_bytes(source)
    assert jit.source_key() == key


def test_a_source_added_or_renamed_changes_the_key(copied_kernels):
    """What is in which file counts too; other files do not."""
    keys = {jit.source_key()}
    (copied_kernels / "kernels/more.py").write_text("")
    keys.add(jit.source_key())
    (copied_kernels / "kernels/more.py").rename(copied_kernels / "kernels/fused/other.py")
    keys.add(jit.source_key())
    assert len(keys) == 3
    (copied_kernels / "kernels/notes.txt").write_text("no source")
    assert jit.source_key() in keys


def test_key_of_the_copy_is_that_of_the_package(copied_kernels, monkeypatch):
    """The key depends on what the sources say, not on where they lie."""
    copied = jit.source_key()
    monkeypatch.undo()
    assert jit.source_key() == copied


def test_numbas_own_setting_is_left_alone(tmp_path):
    """Kernels of other packages keep their cache folder."""
    before = jit.config.CACHE_DIR
    with jit._numba_cache_dir(tmp_path):
        assert str(tmp_path) == jit.config.CACHE_DIR
    assert before == jit.config.CACHE_DIR


def test_announcement_ignores_others_kernels(caplog):
    """A function that somebody else compiles is neither counted nor announced."""
    count = jit.kernels_compiled()
    with caplog.at_level(logging.WARNING, "numpy_vitmatte"):
        assert jit.numba.njit(lambda x: x + 1)(1) == 2
    assert jit.kernels_compiled() == count
    assert caplog.records == []
