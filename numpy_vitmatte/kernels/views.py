"""Views of arrays, as kernels make them: a start and a shape, with none of the tests that Numba makes for a slice.

For all that Numba knows, a slice may begin below zero, end behind the array or step backwards, and an array may not be
contiguous. ``x[a:b]`` becomes two hundred instructions of LLVM, ``x.reshape(-1)`` as many, and there are a hundred such
lines. Kernels' arrays are contiguous and their indices are right, so that a view is a pointer and a shape.
"""

import math
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.cgutils import unpack_tuple
from numba.core.errors import TypingError
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

from numpy_vitmatte.runtime.jit import config


def _view_in_python(x, first, shape):
    return x.reshape(-1)[first : first + math.prod(shape)].reshape(shape)


def _flattened_in_python(x):
    return x.reshape(-1)


def _kind(x: Any, dimensions: int) -> types.Array:
    if not (isinstance(x, types.Array) and x.layout == "C"):
        raise TypingError(f"a view is one of a contiguous array, not of {x}")
    return types.Array(x.dtype, dimensions, "C", readonly=not x.mutable)


def _emit_view(
    context: Any, builder: ir.IRBuilder, signature: Any, x: ir.Value, first: ir.Value, sides: list[ir.Value]
) -> ir.Value:
    kind, source = signature.return_type, signature.args[0]
    array, result = make_array(source)(context, builder, x), make_array(kind)(context, builder)
    size = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(kind.dtype)))
    strides = [size]
    for side in reversed(sides[1:]):
        strides.insert(0, builder.mul(strides[0], side))
    data = builder.gep(array.data, [first])
    populate_array(result, data, sides, strides, size, array.meminfo, array.parent)
    return impl_ret_borrowed(context, builder, kind, result._getvalue())


@intrinsic
def _view_in_llvm(context, x, first, shape):
    signature = _kind(x, len(shape))(x, types.intp, types.UniTuple(types.intp, len(shape)))

    def generate(context, builder, signature, values):
        x, first, shape = values
        return _emit_view(context, builder, signature, x, first, unpack_tuple(builder, shape, len(signature.args[2])))

    return signature, generate


@intrinsic
def _flattened_in_llvm(context, x):
    def generate(context, builder, signature, values):
        size = make_array(signature.args[0])(context, builder, values[0]).nitems
        return _emit_view(context, builder, signature, values[0], context.get_constant(types.intp, 0), [size])

    return _kind(x, 1)(x), generate


view = _view_in_python if config.DISABLE_JIT else _view_in_llvm
"""``x.reshape(-1)[first:][:n].reshape(shape)`` for a contiguous ``x`` and a ``shape`` of ``n`` items, which must exist:
nothing is tested."""
flattened = _flattened_in_python if config.DISABLE_JIT else _flattened_in_llvm
"""``x.reshape(-1)`` for a contiguous array."""
