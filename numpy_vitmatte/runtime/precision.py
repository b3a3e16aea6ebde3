"""The precision of products: which there are, which one this processor gains from, and which one is used.

The names mean what they mean to ``torch.set_float32_matmul_precision``. Softmax, norms, GELU, sums and whatever is
added are float32 in all three.
"""

import functools
import os

import llvmlite.binding
from numba.core.registry import cpu_target

from numpy_vitmatte.errors import VitMatteError, shown
from numpy_vitmatte.runtime.jit import config
from numpy_vitmatte.runtime.tile_permission import tiles_granted

PRECISIONS = ("highest", "high", "medium")
"""``highest``: float32. ``high``: each number is the sum of two bfloat16 numbers, and a product is three. ``medium``:
each number is rounded to bfloat16. Sums are float32."""

_LLVM_WITH_BFLOAT16 = 16
"""The first version of LLVM whose ``vdpbf16ps`` takes bfloat16 numbers by their name."""


def checked_precision(precision: object) -> str:
    """Return a precision that was asked for, or ``NUMPY_VITMATTE_PRECISION`` if None was, or else ``highest``.

    Raises
    ------
    VitMatteError
        If there is no such precision.
    """
    name = "precision"
    if precision is None:
        precision, name = os.environ.get("NUMPY_VITMATTE_PRECISION") or "highest", "NUMPY_VITMATTE_PRECISION"
    if precision not in PRECISIONS:
        raise VitMatteError(f"{name} is {shown(precision)}; expected {', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}")
    return str(precision)


def used_precision(precision: str) -> str:
    """Return the precision that products are computed in where one is asked for: it, or the next better one that gains.

    Only tiles gain from ``high``: elsewhere three products of two bfloat16 numbers each take longer than one product of
    float32 numbers, and ``high`` is computed as ``highest``.
    """
    gains = {"highest": True, "high": has_tiles(), "medium": has_tiles() or has_fast_bfloat16()}
    return precision if gains[precision] else "highest"


def has_tiles() -> bool:
    """Say whether kernels may use AMX's products of tiles of bfloat16 numbers.

    Numba's target must have them, or LLVM would end the process, and so must the processor and Linux (``runtime.
    tile_permission``), or the first instruction would.
    """
    return not config.DISABLE_JIT and {"+amx-tile", "+amx-bf16"} <= _features() and tiles_granted()


def has_bfloat16_products() -> bool:
    """Say whether kernels are compiled for a processor that has ``vdpbf16ps``, which sums two products of bfloat16.

    Numba's own target decides: it need not be this machine's processor (``NUMBA_CPU_NAME``), and LLVM ends the process
    where it is told to use an instruction that the target lacks.
    """
    if config.DISABLE_JIT or llvmlite.binding.llvm_version_info[0] < _LLVM_WITH_BFLOAT16:
        return False
    return {"+avx512f", "+avx512bf16"} <= _features()


def has_fast_bfloat16() -> bool:
    """Say whether that instruction is faster than float32: on AMD's Zen 4 and 5.

    Intel's processors compute float32 in half of its time.
    """
    return has_bfloat16_products() and _target()[1].startswith("znver")


def _features() -> set[str]:
    return set(_target()[2].split(","))


@functools.cache
def _target() -> tuple[str, str, str]:
    """Return the triple, the processor and the features that Numba compiles for: LLVM takes a millisecond to say."""
    triple, name, features = cpu_target.target_context.codegen().magic_tuple()
    return str(triple), str(name), str(features)
