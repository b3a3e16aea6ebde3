"""pymatting's kernels, all of which it compiles when it is imported: announced, kept in our folder, never an error.

Numba keeps a library's machine code next to its sources or below the user's home. It raises where it can write to
neither, and recompiles everything where the code is there but read-only, as containers ship it. For pymatting's files
alone it is told another place: a folder inside that of our own kernels. If that cannot be written to, its contents are
copied to a temporary folder, which serves this process.
"""

import contextlib
import functools
import importlib
import importlib.metadata
import logging
import os
import shutil
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from numba.core import event
from numba.core.caching import CacheImpl, _CacheLocator

from numpy_vitmatte.errors import VitMatteError, one_line
from numpy_vitmatte.runtime.kernel_cache import FOLDER

_logger = logging.getLogger("numpy_vitmatte")
_temporary: list[tempfile.TemporaryDirectory[str]] = []


class _Locator(_CacheLocator):
    """Tells Numba where to keep the machine code of a function of pymatting."""

    def __init__(self, py_func: Any, py_file: str) -> None:
        self._line, self._file = py_func.__code__.co_firstlineno, py_file

    def get_cache_path(self) -> str:
        return str(_temporary[-1].name if _temporary else _kept_folder() or _new_temporary_folder())

    def get_source_stamp(self) -> Any:
        with contextlib.suppress(OSError):  # inside an archive
            found = os.stat(self._file)
            return found.st_mtime, found.st_size
        return importlib.metadata.version("pymatting")

    def get_disambiguator(self) -> str:
        return str(self._line)

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> "_Locator | None":
        return cls(py_func, py_file) if _is_pymattings(py_func) else None


def _is_pymattings(function: Any) -> bool:
    """Tell pymatting's functions from others, which may be generated and stand in no module."""
    return (function.__module__ or "").partition(".")[0] == "pymatting"


class _Announcer(event.Listener):
    """Says once that pymatting's kernels are being compiled, and counts them."""

    compiled = 0

    def on_start(self, event: event.Event) -> None:
        if not _is_pymattings(event.data["dispatcher"].py_func):
            return
        if not self.compiled:
            kept = None if _temporary else _kept_folder()
            where = f"once (kept in {kept})" if kept else "in each process (they cannot be kept)"
            _logger.warning("compiling pymatting's kernels for this processor: up to a minute, %s", where)
        self.compiled += 1

    def on_end(self, event: event.Event) -> None:
        pass


_announcer = _Announcer()


def kernels_compiled() -> int:
    """Return the number of pymatting's kernels that this process compiled."""
    return _announcer.compiled


def load_pymatting() -> ModuleType:
    """Import pymatting, whatever is wrong with the places where its machine code may be kept.

    Raises
    ------
    VitMatteError
        It is not installed, or cannot be imported.
    """
    _tell_numba()
    try:
        try:
            return importlib.import_module("pymatting")
        except ImportError:
            raise
        except Exception as error:  # a damaged file, a disk that is full: whatever unpickling or writing raises
            _logger.warning("pymatting's kernels in %s cannot be used (%s); compiling anew", _kept_folder(), error)
            _new_temporary_folder(copied=False)
            return importlib.import_module("pymatting")
    except ImportError:
        raise VitMatteError(
            "estimating the subject's colors needs pymatting: pip install 'numpy-vitmatte[foreground]', or take the "
            "photo's own colors, whose edges keep some of the old background (--colors photo)"
        ) from None
    except Exception as error:
        raise VitMatteError(f"pymatting cannot be imported: {one_line(error)}") from error


@functools.cache
def _tell_numba() -> None:
    CacheImpl._locator_classes.insert(0, _Locator)
    event.register("numba:compile", _announcer)


@functools.cache
def _kept_folder() -> Path | None:
    """Return the folder that later processes find; None if nothing can be written there."""
    if FOLDER.path is None:
        return None
    folder = FOLDER.path / "pymatting"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return None


def _new_temporary_folder(*, copied: bool = True) -> str:
    """Make a folder for this process, with what others have left in the one that is kept."""
    _temporary.append(tempfile.TemporaryDirectory(prefix="numpy-vitmatte-", ignore_cleanup_errors=True))
    folder = _temporary[-1].name
    if copied and FOLDER.path is not None:
        with contextlib.suppress(OSError):
            shutil.copytree(FOLDER.path / "pymatting", folder, dirs_exist_ok=True)
    return folder
