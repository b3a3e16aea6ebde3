"""The lesser and the greater of two whole numbers, as kernels write them.

For Python's ``min`` and ``max`` Numba makes a tuple, and compiles a function for that tuple in each kernel anew.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import lower_builtin, type_callable


def lesser(a: Any, b: Any) -> Any:
    """Return ``min(a, b)`` for whole numbers."""
    return min(a, b)


def greater(a: Any, b: Any) -> Any:
    """Return ``max(a, b)`` for whole numbers."""
    return max(a, b)


def _lower(function: Callable[..., Any], sign: str) -> None:
    """Tell Numba that a function is one comparison and one choice."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: tuple[ir.Value, ...]) -> ir.Value:
        kinds = zip(values, signature.args, strict=True)
        a, b = (context.cast(builder, value, kind, types.intp) for value, kind in kinds)
        return builder.select(builder.icmp_signed(sign, a, b), a, b)

    type_callable(function)(lambda context: lambda a, b: types.intp)
    lower_builtin(function, types.Integer, types.Integer)(generate)


_lower(lesser, "<")
_lower(greater, ">")
