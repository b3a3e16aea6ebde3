"""Machine code between processes: kept, used, and never in the way, whatever has become of its folder."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support.processes import run_python

import numpy_vitmatte
from numpy_vitmatte.runtime.cache_folder import source_key

pytestmark = pytest.mark.compiled

# Two kernels are compiled. What the package logs goes to the report.
REPORT = """
import json, logging, os, sys
records = []
class Keep(logging.Handler):
    def emit(self, record):
        records.append(record.getMessage())
logging.getLogger("numpy_vitmatte").addHandler(Keep())
import numpy as np
from numpy_vitmatte.kernels.elementwise import gelu_, normalize_rows
from numpy_vitmatte.runtime.jit import kernels_compiled
from numpy_vitmatte.runtime.kernel_cache import FOLDER, kernel_cache_folder
at_import = kernels_compiled()
exec(os.environ.get("BEFORE_FIRST", ""))
rows = np.float32([[-1, 2, 0.5]])
compute = lambda: normalize_rows(gelu_(rows.copy()), rows[0], rows[0], 1e-6)
x = compute()
first = kernels_compiled()
compute()
json.dump({"at_import": at_import, "first": first, "again": kernels_compiled(), "records": records,
           "kept": kernel_cache_folder() is not None, "result": x[0].tolist()}, sys.stdout)
"""
RESULT = pytest.approx([-0.03173318, 4.753588, 0.2957365], abs=1e-6)


def report(cache, before_first="", without=(), **environment):
    """Run the kernels in a fresh process and return what it saw."""
    without = ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", *without)
    environment = {"NUMBA_CACHE_DIR": str(cache), "BEFORE_FIRST": before_first} | environment
    seen = json.loads(run_python("-c", REPORT, without=without, **environment))
    assert seen["result"] == RESULT
    assert seen["again"] == seen["first"]
    return seen


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    """Reports of a process that finds no machine code, and of the next one."""
    cache = tmp_path_factory.mktemp("kernels")
    return report(cache), report(cache), cache


def test_whoever_reads_the_folder_reads_the_kernels(two_processes, tmp_path):
    """A container's kernels are compiled by root and used by another user: nothing is private to its owner."""
    (tmp_path / "ordinary").touch()
    kernels = list(two_processes[2].rglob("*.kernel"))
    assert {file.stat().st_mode for file in kernels} == {(tmp_path / "ordinary").stat().st_mode}


@pytest.fixture
def warm(two_processes, tmp_path):
    """A copy of the folder after the first process."""
    shutil.copytree(two_processes[2], tmp_path / "cache")
    return tmp_path / "cache"


def files(cache):
    return sorted(cache.rglob("*.kernel"))


def test_import_compiles_nothing(two_processes):
    """Not even in the process that finds no machine code kept."""
    assert [each["at_import"] for each in two_processes[:2]] == [0, 0]


def test_second_process_compiles_nothing(two_processes):
    """It reads the machine code that the first has kept, computes the same, and has nothing to announce."""
    first, second, cache = two_processes
    assert first["first"] == len(files(cache)) > 1
    assert second["first"] == 0
    assert second["records"] == []
    assert second["result"] == first["result"]


def test_compilation_is_announced_once(two_processes):
    """One message says what is going on and where the machine code is kept."""
    first, _, cache = two_processes
    assert len(first["records"]) == 1
    assert "compiling the kernels" in first["records"][0]
    assert f"once (kept in {cache / 'numpy-vitmatte-kernels-'}" in first["records"][0]


def test_cache_folder_holds_only_kernels(two_processes):
    """All machine code lies in one folder, named by the key of the sources and by Numba's version."""
    (folder,) = two_processes[2].iterdir()
    assert folder.name.startswith(f"numpy-vitmatte-kernels-{source_key()}-numba-")
    assert [path.name for path in folder.iterdir() if path.suffix != ".kernel"] == ["compiling"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: bytes(len(content)),
        lambda content: content[:100] + bytes(len(content) - 100),
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: b"no machine code",
    ],
    ids=["emptied", "halved", "zero-filled", "zeros after the start", "one bit", "another file"],
)
def test_a_damaged_file_is_compiled_anew_and_replaced(warm, damage):
    """One warning names the file, its folder and the cure; the next process finds nothing wrong."""
    for file in files(warm):
        file.write_bytes(damage(file.read_bytes()))
    seen = report(warm)
    assert seen["first"] == len(files(warm))
    (warning,) = (record for record in seen["records"] if "compiling the kernels" not in record)
    assert "is damaged and will be replaced" in warning
    assert str(files(warm)[0].parent) in warning
    assert "NUMBA_CACHE_DIR" in warning
    assert report(warm)["first"] == 0


def test_a_file_of_another_kernel_is_not_used(warm):
    """Each file says what it holds: one with a right checksum under a wrong name is compiled anew, without a word."""
    one, other = files(warm)[:2]
    shutil.copy(one, other)
    assert report(warm)["first"] == 1


# An administrator may write anywhere, so the system calls themselves refuse.
REFUSE = """
import builtins, errno
number = getattr(errno, os.environ["ERROR"])
def refuse(*arguments, **keywords):
    raise OSError(number, os.strerror(number), arguments[0] if arguments else None)
os.utime = os.unlink = os.replace = os.mkdir = refuse
really_open = os.open
os.open = lambda path, flags, *rest, **keywords: (
    refuse(path) if flags & os.O_CREAT else really_open(path, flags, *rest, **keywords))
"""


def test_a_warm_cache_that_is_read_only_is_used(warm):
    """As containers ship it: nothing is compiled, nothing is warned of."""
    seen = report(warm, REFUSE, ERROR="EROFS")
    assert seen["first"] == 0
    assert seen["records"] == []
    assert seen["kept"]


@pytest.mark.parametrize("error", ["EROFS", "ENOSPC"])
@pytest.mark.parametrize("made", [False, True], ids=["no folder", "a folder"])
def test_a_folder_that_cannot_be_written_is_no_error(warm, error, made):
    """Read-only since the import, full, forbidden: one warning says where, why and what to do; the process goes on."""
    for file in files(warm):
        file.unlink()
    if not made:
        shutil.rmtree(warm)
    seen = report(warm, REFUSE, ERROR=error)
    assert seen["first"] > 0
    assert not seen["kept"]
    warning, announcement = seen["records"]
    assert f"compiled kernels cannot be kept in {warm}" in warning
    assert os.strerror(getattr(__import__("errno"), error)) in warning
    assert "Set NUMBA_CACHE_DIR to a writable folder" in warning
    assert "in each process (they cannot be kept)" in announcement


FULL_LATER = """
import errno
class Full:
    def __init__(self, file):
        self.file = file
    def __enter__(self):
        return self
    def __exit__(self, *error):
        self.file.close()
    def close(self):
        self.file.close()
    def write(self, data):
        self.file.write(data[:1000])
        raise OSError(errno.ENOSPC, "No space left on device")
really_opened = os.fdopen
os.fdopen = lambda *arguments: Full(really_opened(*arguments))
"""


def test_a_disk_that_fills_while_a_file_is_written(tmp_path):
    """One warning, and nothing half-written is left."""
    seen = report(tmp_path, FULL_LATER)
    announcement, warning = seen["records"]
    assert "compiling the kernels" in announcement
    assert f"compiled kernels cannot be kept in {tmp_path}" in warning
    assert "No space left" in warning
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["compiling"]


def test_a_file_in_the_folders_place(tmp_path):
    """The same warning; it is the file that is in the way."""
    (tmp_path / "file").write_text("a file where a folder should be")
    seen = report(tmp_path / "file" / "cache")
    assert "compiled kernels cannot be kept in" in seen["records"][0]
    assert len(seen["records"]) == 2


NO_HOME = """
from pathlib import Path
def none():
    raise RuntimeError("Could not determine home directory.")
Path.home = none
"""


def test_no_home_folder(tmp_path):
    seen = report("", NO_HOME)
    assert "there is no folder to keep compiled kernels in" in seen["records"][0]
    assert "NUMBA_CACHE_DIR" in seen["records"][0]
    assert not seen["kept"]


def test_processes_that_compile_at_the_same_time_announce_it_once(tmp_path):
    """They are one compilation: four workers of a job say it once, not four times."""
    paths = os.pathsep.join([str(Path(numpy_vitmatte.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": paths, "BEFORE_FIRST": ""}
    command = [sys.executable, "-c", REPORT]
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    seen = [json.loads(process.communicate(timeout=300)[0]) for process in running]
    assert sum(len(each["records"]) for each in seen) == 1
    for file in files(tmp_path):
        file.unlink()
    os.utime(next(tmp_path.rglob("compiling")), (0, 0))
    assert len(report(tmp_path)["records"]) == 1  # long after, it is another compilation


def test_imported_from_an_archive(tmp_path):
    """Kernels of a zip file are compiled, kept and read like others."""
    package = Path(numpy_vitmatte.__file__).parent
    with zipfile.ZipFile(tmp_path / "package.zip", "w") as archive:
        for path in package.rglob("*"):
            if path.is_file() and path.suffix == ".py":
                archive.write(path, path.relative_to(package.parent).as_posix())
    environment = {"PYTHONPATH": str(tmp_path / "package.zip"), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    code = "import numpy_vitmatte; assert '.zip' in numpy_vitmatte.__file__\n" + REPORT
    kept = os.environ | environment | {"BEFORE_FIRST": ""}
    first, second = (
        json.loads(subprocess.run([sys.executable, "-c", code], env=kept, cwd=tmp_path, capture_output=True, text=True,
                                  timeout=300, check=True).stdout)
        for _ in range(2)
    )  # fmt: skip
    assert first["first"] > 0
    assert first["result"] == second["result"] == RESULT
    assert second["first"] == 0
    assert second["records"] == []
