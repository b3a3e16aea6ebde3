"""Compilation of kernels: on first call, without the GIL, kept on disk (``kernel_cache.py``).

**Nothing compiles at import.** No kernel has an explicit signature, so Numba compiles it at its first call.
"""

import logging
import os
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.core import event
from numba.core.compiler_lock import global_compiler_lock

from numpy_vitmatte.runtime.kernel_cache import FOLDER, KernelCache
from numpy_vitmatte.runtime.linked_kernel import InlinedKernel, InnerKernel, LinkedKernel, register

logger = logging.getLogger("numpy_vitmatte")

config: Any = numba.config
"""Numba's settings, read from ``NUMBA_...`` environment variables."""

# ``contract`` lets a product and a sum become one fused multiply-add. ``reassoc`` lets LLVM split one running sum into
# a vector of partial sums: right for the reductions of softmax and layer norm (their row length is fixed, so the
# result does not depend on the block a row came in), never for the matrix products, whose order of summation is theirs.
EXACT_ORDER = frozenset({"contract"})
VECTOR_REDUCTION = frozenset({"contract", "reassoc", "nsz"})

ZERO, ONE, TWO, THREE = np.intp(0), np.intp(1), np.intp(2), np.intp(3)
NO, YES = np.bool_(False), np.bool_(True)
"""Constants that one kernel passes to another. Numba would compile the other once more for a plain 0, 1, 2 or 3, and
for a plain False or True."""


ENTRY, CALLED, INLINED, PART = "entry", "called", "inlined", "part"
"""The way in which the machine code of a kernel reaches others: see ``kernel``."""


def kernel(
    fastmath: frozenset[str], use: str = ENTRY, *, allocates: bool = False
) -> Callable[[Callable[..., Any]], Any]:
    """Decorate a plain Python loop nest as a Numba kernel.

    Parameters
    ----------
    fastmath : frozenset of str
        ``EXACT_ORDER`` or ``VECTOR_REDUCTION``: the liberties LLVM may take with floating-point arithmetic.
    use : str
        ``ENTRY``: Python calls it. ``CALLED``: only other kernels do; its code exists once, like that of an entry.
        ``INLINED``: it is so small that LLVM puts it into each kernel that calls it, where a loop over it can become
        vectors. ``PART``: it is a part of one other kernel, and its lines become that kernel's.
    allocates : bool
        It makes arrays, returns arrays, or calls kernels that return some. Only then are references to arrays counted:
        that is up to a third of a kernel's instructions. A kernel that lacks this word does not compile.

    Returns
    -------
    decorator
        Its result is called like the function. With ``NUMBA_DISABLE_JIT=1`` it *is* the function.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        if config.DISABLE_JIT:
            return function
        # A division by zero gives infinity, as in NumPy: Python's test for it in the loop would keep LLVM from vectors.
        # No caller is written in C: without the entry for such callers, compilation takes a twentieth less.
        options: Any = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
        if use == PART:
            return numba.njit(function, inline="always", **options)
        options |= {"nopython": True, "fastmath": set(fastmath), "no_cpython_wrapper": use != ENTRY, "_nrt": allocates}
        compiled: Any = _KINDS[use](function, targetoptions=options)
        compiled._cache = KernelCache(function)
        if use != INLINED:
            register(compiled)
        _announcer.kernels.add(compiled)
        return compiled

    return decorate


_KINDS = {ENTRY: LinkedKernel, CALLED: InnerKernel, INLINED: InlinedKernel}


class _CompilationAnnouncer(event.Listener):
    """Announce through the ``numpy_vitmatte`` logger that kernels are being compiled, and count them.

    Processes that compile into the same folder at the same time are one compilation, which is announced once.
    """

    def __init__(self) -> None:
        self.kernels: set[Any] = set()
        self.announced = False
        self.compiled = 0

    def on_start(self, event: event.Event) -> None:
        if event.data["dispatcher"] not in self.kernels:
            return
        self.compiled += 1
        kept = FOLDER.kept is not None and (self.announced or FOLDER.writable())
        joins = kept and FOLDER.joins_compilation()
        if not self.announced and not joins:
            where = f"once (kept in {FOLDER.path})" if kept else "in each process (they cannot be kept)"
            logger.warning("compiling the kernels for this processor: up to half a minute, %s", where)
        self.announced = True

    def on_end(self, event: event.Event) -> None:
        pass


_announcer = _CompilationAnnouncer()
event.register("numba:compile", _announcer)


def kernels_compiled() -> int:
    """Count the kernels that this process compiled (kernels read from the disk cache do not count)."""
    return _announcer.compiled


# A process that is forked while another thread compiles would find Numba's lock held by a thread that it does not have.
# So a fork waits for the kernel that is being compiled.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )
