"""How kernels are compiled: on first call, without the GIL, kept on disk under a key made of their own sources.

Three choices, each answering a complaint that Numba libraries collect:

- **Nothing compiles at import.** No kernel has an explicit signature, so Numba compiles it at its first call.
- **The disk cache cannot go stale.** Numba notices an edit to the file of a kernel but not to the file of a kernel
  that it calls (``microkernel.py`` is called by nearly all). So the cache folder's name holds a hash of every source
  file in ``runtime`` and ``kernels``: an edit to any of them starts a fresh folder.
- **No writable folder is no error.** Numba looks for a cache folder in the decorator and raises where it finds none;
  here a warning is given once and the kernels live for the process only.
"""

import contextlib
import functools
import hashlib
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba.core import event

logger = logging.getLogger("numpy_vitmatte")

config: Any = numba.config
"""Numba's settings, read from ``NUMBA_...`` environment variables."""

# ``contract`` lets a product and a sum become one fused multiply-add. ``reassoc`` lets LLVM split one running sum into
# a vector of partial sums: right for the reductions of softmax and layer norm (their row length is fixed, so the
# result does not depend on the block a row came in), never for the matrix products, whose order of summation is theirs.
EXACT_ORDER = frozenset({"contract"})
VECTOR_REDUCTION = frozenset({"contract", "reassoc", "nsz"})

ZERO, ONE, TWO, THREE = np.intp(0), np.intp(1), np.intp(2), np.intp(3)
"""Constants that one kernel passes to another; for a plain 0, 1, 2 or 3 Numba would compile the other once more."""


def source_key() -> str:
    """Hash of every source file in ``runtime`` and ``kernels``, 16 hexadecimal digits."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    for room in ("kernels", "runtime"):
        for source in sorted((package / room).rglob("*.py")):
            digest.update(source.relative_to(package).as_posix().encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def base_cache_folder() -> Path:
    """``NUMBA_CACHE_DIR`` if set, else the user's cache folder (``XDG_CACHE_HOME``, by default ``~/.cache``)."""
    if config.CACHE_DIR:
        return Path(config.CACHE_DIR)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


@functools.cache
def kernel_cache_folder() -> Path | None:
    """Folder of these kernels' machine code, or None (after one warning) where it cannot be written."""
    try:
        folder = base_cache_folder() / f"numpy-vitmatte-kernels-{source_key()}"
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except (OSError, RuntimeError) as error:  # RuntimeError: no home folder is known
        warnings.warn(
            f"no writable folder to keep compiled kernels in ({error}), so they are compiled anew in each process; "
            "set NUMBA_CACHE_DIR to a writable folder to keep them",
            RuntimeWarning,
            stacklevel=2,
        )
        return None


@contextlib.contextmanager
def _numba_cache_dir(folder: Path) -> Iterator[None]:
    """Let Numba see ``folder`` as its cache folder while a kernel is decorated; others' kernels are not touched."""
    before = config.CACHE_DIR
    config.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        config.CACHE_DIR = before


def kernel(fastmath: frozenset[str]) -> Callable[[Callable[..., Any]], Any]:
    """Decorate a plain Python loop nest as a Numba kernel.

    Parameters
    ----------
    fastmath : frozenset of str
        ``EXACT_ORDER`` or ``VECTOR_REDUCTION``: the liberties LLVM may take with floating-point arithmetic.

    Returns
    -------
    decorator
        Its result is called like the function. With ``NUMBA_DISABLE_JIT=1`` it *is* the function.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        if config.DISABLE_JIT:
            return function
        folder = kernel_cache_folder()
        # As in NumPy a division by zero gives infinity: Python's test for it in the loop would keep LLVM from vectors.
        # Without the entry for callers from C, which there are none of, a twentieth of the compilation is saved.
        options: Any = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
        if folder is None:
            compiled = numba.njit(function, fastmath=set(fastmath), **options)
        else:
            with _numba_cache_dir(folder):
                compiled = numba.njit(function, fastmath=set(fastmath), cache=True, **options)
        _announcer.kernels.add(compiled)
        return compiled

    return decorate


class _CompilationAnnouncer(event.Listener):
    """Says once per process, through the ``numpy_vitmatte`` logger, that the first call is compiling."""

    def __init__(self) -> None:
        self.kernels: set[Any] = set()
        self.announced = False
        self.compiled = 0

    def on_start(self, event: event.Event) -> None:
        if event.data["dispatcher"] not in self.kernels:
            return
        self.compiled += 1
        if not self.announced:
            self.announced = True
            folder = kernel_cache_folder()
            kept = f"kept in {folder}" if folder else "for this process only"
            logger.warning("compiling the kernels for this processor: up to half a minute, once (%s)", kept)

    def on_end(self, event: event.Event) -> None:
        pass


_announcer = _CompilationAnnouncer()
event.register("numba:compile", _announcer)


def kernels_compiled() -> int:
    """How many kernels this process compiled (kernels read from the disk cache do not count)."""
    return _announcer.compiled
