"""Exercises of notebook 10, Fast kernels, and fewer bits."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.teaching.verdict import Exercise

Array = NDArray[Any]


def reads(rows: int, columns: int, depth: int, r: int, c: int) -> int:
    """Count the numbers that a tiled product reads."""
    return (rows // r) * (columns // c) * depth * (r + c)


def pack(matrix: Array, width: int) -> Array:
    """Lay out columns for a kernel: (depth, n) -> (panels, depth, width)."""
    depth, columns = matrix.shape
    padded = np.pad(matrix, ((0, 0), (0, -columns % width)))
    return padded.reshape(depth, -1, width).swapaxes(0, 1)


def to_bfloat16(x: Array) -> Array:
    """Round to the nearest bfloat16, ties to even."""
    bits = x.astype(np.float32).view(np.uint32)
    bits = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return (bits & np.uint32(0xFFFF0000)).view(np.float32)


def spacing(x: float, bits: int) -> float:
    """Give the distance between neighbors in the octave of x."""
    return float(2.0 ** (np.floor(np.log2(x)) - bits))


def steps(width: int, channels: int, size: int, stride: int) -> list[int]:
    """Give the micro-kernel's steps for a convolution."""
    return [stride * channels, width * channels, size * channels, stride * width * channels]


def _product(generator: np.random.Generator) -> dict[str, Any]:
    r, c = (int(side) for side in generator.choice([[2, 4], [4, 2], [6, 3]]))
    times = generator.integers(2, 9, 3)
    return {"rows": r * int(times[0]), "columns": c * int(times[1]), "depth": int(times[2]), "r": r, "c": c}


def _matrix(generator: np.random.Generator) -> dict[str, Any]:
    width = int(generator.integers(2, 5))
    return {"matrix": generator.standard_normal((3, 2 * width + 1)), "width": width}


def _numbers(generator: np.random.Generator) -> dict[str, Any]:
    ties = 1 + (generator.integers(0, 64, 3) * 2 + np.array([0, 1, 0.5])) / 128  # the last lies between two neighbors
    return {"x": np.concatenate([ties, generator.uniform(0.01, 100, 4)]).astype(np.float32).astype(np.float64)}


def _number(generator: np.random.Generator) -> dict[str, Any]:
    bits = int(generator.choice([3, 4]))
    return {"x": float(np.round(generator.uniform(4, 900), 2)), "bits": bits}


def _convolution(generator: np.random.Generator) -> dict[str, Any]:
    width, channels = int(generator.integers(10, 99)), int(generator.integers(2, 9))
    return {"width": width, "channels": channels, "size": 3, "stride": 2}


EXERCISES = {
    "10.1": Exercise(reads, _product),
    "10.2": Exercise(pack, _matrix),
    "10.3": Exercise(to_bfloat16, _numbers),
    "10.4": Exercise(spacing, _number),
    "10.5": Exercise(steps, _convolution),
}
