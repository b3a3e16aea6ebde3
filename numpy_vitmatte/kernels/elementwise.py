"""Elementwise functions and row-wise normalization."""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from numpy_vitmatte.kernels.polynomials import exponential, gelu_run
from numpy_vitmatte.kernels.views import view
from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, INLINED, VECTOR_REDUCTION, config, kernel

float32 = np.float32


@intrinsic
def _larger_in_llvm(context, a, b):
    """Return the larger of two numbers, neither of them NaN.

    LLVM makes vectors of this intrinsic; Python's ``max`` has an order of its own for NaN, which keeps a running
    maximum scalar, twenty times slower.
    """

    def generate(context, builder, signature, values):
        number = ir.FloatType()
        function = builder.module.declare_intrinsic("llvm.maxnum", [number], ir.FunctionType(number, [number, number]))
        return builder.call(function, values, fastmath=("nnan", "nsz"))

    return types.float32(types.float32, types.float32), generate


larger = max if config.DISABLE_JIT else _larger_in_llvm


@kernel(EXACT_ORDER, INLINED)
def copy_run(x, first, count, out, start):
    """Set ``out[start:][:count] = x[first:][:count]``, number by number.

    Slices are indexed from 0 on: such an index cannot be negative, Numba needs no test for it, and LLVM makes vectors.
    Assigning one slice to another would compile the wording of NumPy's error, which takes a second.
    """
    own, target = view(x, first, (count,)), view(out, start, (count,))
    for k in range(count):
        target[k] = own[k]


@kernel(EXACT_ORDER, CALLED)
def add(x, more):
    """Add ``x += more`` for two separate arrays (any size,): if one were both, LLVM would make no vectors."""
    for k in range(x.size):
        x[k] += more[k]


@kernel(EXACT_ORDER)
def gelu(x):
    """Apply ``gelu_`` for other kernels; x (any size,)."""
    gelu_run(x)


def gelu_(x: np.ndarray) -> np.ndarray:
    """Apply GELU in place: ``x * (1 + erf(x / sqrt(2))) / 2``, not the tanh form.

    The source is Hendrycks & Gimpel, arXiv:1606.08415.
    """
    gelu(x.reshape(-1))
    return x


@kernel(EXACT_ORDER, CALLED)
def relu(x):
    """Set ``x = max(x, 0)`` in place; x (any size,)."""
    for i in range(x.size):
        x[i] = larger(x[i], float32(0.0))


@kernel(VECTOR_REDUCTION)
def normalize(x, weight, bias, epsilon, out):
    """Apply ``normalize_rows`` for other kernels; x and out (rows, C)."""
    rows, channels = x.shape
    for i in range(rows):
        total = float32(0)
        for c in range(channels):
            total += x[i, c]
        mean = total / float32(channels)
        squares = float32(0)
        for c in range(channels):
            squares += (x[i, c] - mean) * (x[i, c] - mean)
        scale = float32(1) / np.sqrt(squares / float32(channels) + float32(epsilon))
        for c in range(channels):
            out[i, c] = (x[i, c] - mean) * scale * weight[c] + bias[c]


def normalize_rows(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, epsilon: float, out: np.ndarray | None = None
) -> np.ndarray:
    """Return ``(x - mean) / sqrt(variance + epsilon) * weight + bias`` over the last axis.

    The array x (..., C) is contiguous float32.
    """
    if out is None:
        out = np.empty_like(x)
    channels = x.shape[-1]
    normalize(x.reshape(-1, channels), weight, bias, epsilon, out.reshape(-1, channels))
    return out


@kernel(VECTOR_REDUCTION, CALLED)
def sigmoid_of_product(x, weight, bias, out):
    """Set ``out = 1 / (1 + exp(-(x @ weight + bias)))``; x (rows, C), weight (C,), out (rows,)."""
    rows, channels = x.shape
    for i in range(rows):
        logit = float32(bias)
        for c in range(channels):
            logit += x[i, c] * weight[c]
        out[i] = logit
    for i in range(rows):  # a loop of its own, so that LLVM turns it into vector code
        # exponential() is right up to 88; beyond that, the alpha is 0 or 1 in float32 anyway
        out[i] = float32(1) / (float32(1) + exponential(min(-out[i], float32(88.0))))
