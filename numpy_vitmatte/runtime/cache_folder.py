"""The folder for machine code: it lies where the platform keeps caches, under a name made of the kernels' sources.

The name holds a hash of every source file in ``runtime`` and ``kernels``, and Numba's version. An edit to any of them
starts a fresh folder, and environments that share a cache do not take turns in overwriting it.
"""

import contextlib
import hashlib
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numba

from numpy_vitmatte._version import __version__

_config: Any = numba.config

MONTH = 30 * 24 * 3600
"""Seconds after which a folder that no process has used is removed."""
_OURS = re.compile(r"numpy-vitmatte-kernels-[0-9a-f]{16}(-numba-[\w.+-]+)?")


def _sources(folder: Traversable, name: str) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents of the Python files in a folder or archive, also of compiled ones without a source."""
    for child in sorted(folder.iterdir(), key=lambda child: child.name):
        if child.is_dir() and child.name != "__pycache__":
            yield from _sources(child, f"{name}/{child.name}")
        elif child.name.endswith((".py", ".pyc")):
            yield f"{name}/{child.name}", child.read_bytes()


def source_key(package: Traversable | None = None) -> str:
    """Return the hash of every source file in ``runtime`` and ``kernels``, 16 hexadecimal digits.

    A frozen application has no such files. Its key is made of the package's version and of the application's own
    file, which changes whenever the application is built.

    Parameters
    ----------
    package : folder, optional
        The default is that of ``numpy_vitmatte``.
    """
    digest, found = hashlib.sha256(), False
    for room in ("kernels", "runtime"):
        with contextlib.suppress(OSError, ValueError):
            for name, content in _sources((package or resources.files("numpy_vitmatte")) / room, room):
                digest.update(name.encode() + b"\0" + content + b"\0")
                found = True
    if not found:
        digest.update(__version__.encode())
        with contextlib.suppress(OSError):
            application = os.stat(sys.executable)
            digest.update(f"{application.st_size} {application.st_mtime_ns}".encode())
    return digest.hexdigest()[:16]


def base_cache_folder() -> Path:
    """Return ``NUMBA_CACHE_DIR`` if set, else the folder where the platform keeps a user's caches.

    That is ``~/Library/Caches`` on macOS, ``%LOCALAPPDATA%`` on Windows, and elsewhere ``$XDG_CACHE_HOME`` or
    ``~/.cache``.

    Raises
    ------
    RuntimeError
        If no home folder is known.
    """
    if _config.CACHE_DIR:
        return Path(_config.CACHE_DIR)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    return Path(chosen) if os.path.isabs(chosen) else Path.home() / ".cache"  # the standard ignores relative ones


def locate_cache_folder() -> Path:
    """Return the folder of this package's machine code, which need not exist.

    Raises
    ------
    RuntimeError
        If no home folder is known.
    """
    return base_cache_folder() / f"numpy-vitmatte-kernels-{source_key()}-numba-{numba.__version__}"


def remove_old_folders(current: Path) -> None:
    """Remove this package's other folders that no process has used for a month; never raises."""
    with contextlib.suppress(OSError):
        for folder in current.parent.iterdir():
            if folder == current or not _OURS.fullmatch(folder.name) or folder.is_symlink() or not folder.is_dir():
                continue
            if time.time() - folder.stat().st_mtime > MONTH:
                shutil.rmtree(folder, ignore_errors=True)
