"""Elementwise functions and row-wise normalization."""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from numpy_vitmatte.kernels.views import view
from numpy_vitmatte.runtime.jit import CALLED, EXACT_ORDER, INLINED, VECTOR_REDUCTION, config, kernel

float32 = np.float32


def _power_of_two_in_python(n):
    return np.ldexp(float32(1), np.int32(n))


@intrinsic
def _power_of_two_in_llvm(context, n):
    """Make ``2 ** n`` for a whole number ``n`` in [-126, 127]: ``n`` is written into the exponent bits of a float32."""

    def generate(context, builder, signature, values):
        integer = ir.IntType(32)
        exponent = builder.add(builder.fptosi(values[0], integer), integer(127))
        return builder.bitcast(builder.shl(exponent, integer(23)), ir.FloatType())

    return types.float32(types.float32), generate


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
power_of_two = _power_of_two_in_python if config.DISABLE_JIT else _power_of_two_in_llvm


@kernel(EXACT_ORDER, INLINED)
def copy_run(x, first, count, out, start):
    """Set ``out[start:][:count] = x[first:][:count]``, number by number.

    Slices are indexed from 0 on: such an index cannot be negative, Numba needs no test for it, and LLVM makes vectors.
    Assigning one slice to another would compile the wording of NumPy's error, which takes a second.
    """
    own, target = view(x, first, (count,)), view(out, start, (count,))
    for k in range(count):
        target[k] = own[k]


@kernel(EXACT_ORDER, INLINED)
def copy_above(x, first, count, out, start, floor):
    """Copy as ``copy_run``, but set numbers below ``floor`` to it: a ReLU for 0, nothing for minus infinity."""
    own, target = view(x, first, (count,)), view(out, start, (count,))
    for k in range(count):
        target[k] = larger(own[k], floor)


@kernel(EXACT_ORDER, CALLED)
def add(x, more):
    """Add ``x += more`` for two separate arrays (any size,): if one were both, LLVM would make no vectors."""
    for k in range(x.size):
        x[k] += more[k]


@kernel(EXACT_ORDER, INLINED)
def exponential(x):
    """Return ``exp(x)`` for x <= 88, within 2 ulp; below -87 it returns exp(-87), 1.6e-38.

    ``x = n ln 2 + r`` with whole n and ``|r| <= ln 2 / 2``, so ``exp(x) = 2**n exp(r)``; exp(r) is the polynomial of
    Cephes' ``expf`` (Moshier). Without a branch or a table, LLVM turns a loop over it into vector code.
    """
    x = max(x, float32(-87.0))
    n = np.floor(x * float32(1.4426950408889634) + float32(0.5))
    r = x - n * float32(0.693359375)  # ln 2 in two parts: the first is exact in few bits, so n * it is exact
    r = r + n * float32(2.12194440e-4)
    p = float32(1.9875691500e-4)
    p = p * r + float32(1.3981999507e-3)
    p = p * r + float32(8.3334519073e-3)
    p = p * r + float32(4.1665795894e-2)
    p = p * r + float32(1.6666665459e-1)
    p = p * r + float32(5.0000001201e-1)
    return (p * r * r + r + float32(1.0)) * power_of_two(n)


@kernel(EXACT_ORDER, INLINED)
def error_function(x):
    """Return ``erf(x)`` within 5e-7: a quotient of odd and even polynomials on [-4, 4] (minimax fit of Eigen and XLA).

    Outside, erf differs from 1 by less than 1.6e-8, under a float32's last digit.
    """
    x = min(max(x, float32(-4.0)), float32(4.0))
    s = x * x
    p = float32(-2.72614225801306e-10)
    p = p * s + float32(2.77068142495902e-08)
    p = p * s + float32(-2.10102402082508e-06)
    p = p * s + float32(-5.69250639462346e-05)
    p = p * s + float32(-7.34990630326855e-04)
    p = p * s + float32(-2.95459980854025e-03)
    p = p * s + float32(-1.60960333262415e-02)
    q = float32(-1.45660718464996e-05)
    q = q * s + float32(-2.13374055278905e-04)
    q = q * s + float32(-1.68282697438203e-03)
    q = q * s + float32(-7.37332916720468e-03)
    q = q * s + float32(-1.42647390514189e-02)
    return x * p / q


@kernel(EXACT_ORDER)
def gelu(x):
    """Apply ``gelu_`` for other kernels; x (any size,)."""
    for i in range(x.size):
        x[i] = float32(0.5) * x[i] * (float32(1.0) + error_function(x[i] * float32(0.7071067811865476)))


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
