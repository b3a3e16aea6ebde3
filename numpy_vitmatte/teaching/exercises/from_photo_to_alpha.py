"""Exercises of notebook 01, From photo to alpha."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.teaching.verdict import Exercise

Array = NDArray[Any]


def compose(alpha: Array, foreground: Array, background: Array) -> Array:
    """Mix two pictures by the matting equation: (H, W), (H, W, 3), (H, W, 3) -> (H, W, 3)."""
    share = alpha[..., None]
    return share * foreground + (1 - share) * background


def network_input(photo: Array, trimap: Array) -> Array:
    """Give the four channels that the network sees, without padding: uint8 (H, W, 3), (H, W) -> (H, W, 4)."""
    color = (photo / 255 - 0.5) / 0.5
    return np.concatenate([color, trimap[..., None] / 255], axis=-1)


def token_grid(height: int, width: int) -> tuple[int, int]:
    """Count rows and columns of tokens of a photo: padded to multiples of 32, cut into patches of 16."""
    return 2 * -(-height // 32), 2 * -(-width // 32)


def scores(rows: int, columns: int, window: int) -> int:
    """Count the scores of one head: of all tokens with all, or inside windows (``window`` 0: there are none)."""
    if window == 0:
        return (rows * columns) ** 2
    return -(-rows // window) * -(-columns // window) * window**4


def put_back(alpha: Array, trimap: Array) -> Array:
    """Give alpha with exactly 0 and 1 where the trimap knows: (H, W), uint8 (H, W) -> (H, W)."""
    return np.where(trimap == 0, 0, np.where(trimap == 255, 1, alpha))


def _sides(generator: np.random.Generator) -> tuple[int, int]:
    """Draw two sides that are never equal, so that a picture turned by mistake does not pass."""
    height, more = generator.integers(2, 6, 2)
    return int(height), int(height + more)


def _mixture(generator: np.random.Generator) -> dict[str, Any]:
    height, width = _sides(generator)
    foreground, background = generator.random((2, height, width, 3))
    return {"alpha": generator.random((height, width)), "foreground": foreground, "background": background}


def _trimap(generator: np.random.Generator, height: int, width: int) -> Array:
    trimap = generator.choice(np.array([0, 128, 255], np.uint8), (height, width))
    trimap[0, :2], trimap[1, 0] = (0, 255), 128  # each at least once
    return trimap


def _photo_and_trimap(generator: np.random.Generator) -> dict[str, Any]:
    height, width = _sides(generator)
    photo = generator.integers(0, 256, (height, width, 3), np.uint8)
    return {"photo": photo, "trimap": _trimap(generator, height, width)}


def _alpha_and_trimap(generator: np.random.Generator) -> dict[str, Any]:
    height, width = _sides(generator)
    return {"alpha": generator.uniform(0.1, 0.9, (height, width)), "trimap": _trimap(generator, height, width)}


def _size(generator: np.random.Generator) -> dict[str, Any]:
    return {"height": 32 * int(generator.integers(1, 40)) + 7, "width": int(generator.integers(20, 2000))}


def _grid(generator: np.random.Generator) -> dict[str, Any]:
    window = int(generator.choice([0, 8, 14]))
    return {"rows": 8 * int(generator.integers(1, 8)) + 3, "columns": int(generator.integers(9, 60)), "window": window}


EXERCISES = {
    "01.1": Exercise(compose, _mixture),
    "01.2": Exercise(network_input, _photo_and_trimap),
    "01.3": Exercise(token_grid, _size),
    "01.4": Exercise(scores, _grid),
    "01.5": Exercise(put_back, _alpha_and_trimap),
}
