"""Exercises of notebook 03, Attention: scores, offsets, windows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte import reference
from numpy_vitmatte.teaching.verdict import Exercise

Array = NDArray[Any]


def scores(q: Array, k: Array) -> Array:
    """Compare all queries with all keys: (heads, N, d) twice -> (heads, N, N)."""
    return q @ k.swapaxes(1, 2) / np.sqrt(q.shape[-1])


def attend(q: Array, k: Array, v: Array, rows: Array, columns: Array) -> Array:
    """Apply one head with its offsets: (h, w, d) three times, (h, h, d), (w, w, d) -> (h, w, d)."""
    height, width, size = q.shape
    score = np.einsum("hwc,yxc->hwyx", q, k) / np.sqrt(size)
    score += np.einsum("hwc,hyc->hwy", q, rows)[..., None] + np.einsum("hwc,wxc->hwx", q, columns)[..., None, :]
    probability = reference.softmax(score.reshape(height * width, -1))
    return (probability @ v.reshape(height * width, size)).reshape(q.shape)


def _large_scores(generator: np.random.Generator) -> dict[str, Any]:
    rows, more = generator.integers(2, 5, 2)
    return {"scores": 1000 + 3 * generator.standard_normal((rows, rows + more))}


def _queries_and_keys(generator: np.random.Generator) -> dict[str, Any]:
    q, k = generator.standard_normal((2, int(generator.integers(1, 4)), int(generator.integers(4, 7)), 3))
    return {"q": q, "k": k}


def _table(generator: np.random.Generator) -> dict[str, Any]:
    length = int(generator.integers(2, 6))
    return {"table": generator.standard_normal((2 * length - 1, 3)), "length": length}


def _grid(generator: np.random.Generator) -> dict[str, Any]:
    side = int(generator.integers(2, 5))
    height, width = side * generator.integers(1, 3, 2) + 1  # never a multiple of the side
    return {"x": generator.standard_normal((height, width, 2)), "side": side}


def _head(generator: np.random.Generator) -> dict[str, Any]:
    height = int(generator.integers(2, 4))
    width, size = height + 1, 4
    q, k, v = generator.standard_normal((3, height, width, size))
    rows, columns = (generator.standard_normal((side, side, size)) for side in (height, width))
    return {"q": q, "k": k, "v": v, "rows": rows, "columns": columns}


EXERCISES = {
    "03.1": Exercise(reference.softmax, _large_scores),
    "03.2": Exercise(scores, _queries_and_keys),
    "03.3": Exercise(reference.relative_positions, _table),
    "03.4": Exercise(reference.into_windows, _grid),
    "03.5": Exercise(attend, _head),
}
