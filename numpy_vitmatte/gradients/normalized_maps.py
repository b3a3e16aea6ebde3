"""Batch norm by a batch's own statistics, and the ReLU behind it, with their gradients.

Of all that lies behind a convolution only its result is kept. What the norm makes of it is computed again each time it
is needed: that is one pass over a map, and memory for one image of the batch.
"""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from numpy_vitmatte.gradients.conv import ROWS, framed
from numpy_vitmatte.kernels.gradients.batch_norm import add_moments, mask_and_add, normalize_relu, through_statistics
from numpy_vitmatte.runtime.recycling import recycled_empty
from numpy_vitmatte.runtime.threads import for_each_block


class NormalizedMaps:
    """A batch's maps behind a convolution, to be normalized by their own mean and variance.

    Parameters
    ----------
    maps : list of float32 arrays (H, W, C)
        One for each image.
    weight, bias : float32 arrays (C,)
        Of the norm.
    epsilon : float
        Added to the variance.

    Attributes
    ----------
    mean, variance : float64 arrays (C,)
        Over all pixels of the batch.
    pixels : int
        Their number.
    dweight, dbias : float64 arrays (C,)
        Gradients by the norm's weight and bias, once ``backward`` was called.
    """

    def __init__(self, maps: list[np.ndarray], weight: np.ndarray, bias: np.ndarray, epsilon: float) -> None:
        self._maps, self.pixels = maps, sum(x.shape[0] * x.shape[1] for x in maps)
        self.mean, _ = self._moments(np.zeros(len(weight)))
        rest, squares = self._moments(self.mean)  # the rest is what float32 left of the mean
        self.mean, self.variance = self.mean + rest, squares - rest**2
        self._spread = np.sqrt(self.variance + epsilon)
        self._gain = weight / self._spread
        self._shift = bias - self.mean * self._gain
        self.dweight = self.dbias = np.zeros(len(weight))

    def _moments(self, center: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the means over all pixels of x - center and of its square."""
        line = self._line(center)
        total = np.sum([_sums(x, partial(add_moments, x, line)) for x in self._maps], axis=0)
        mean, squares = total / self.pixels
        return mean, squares

    def _line(self, factors: np.ndarray) -> np.ndarray:
        return np.tile(factors.astype(np.float32), self._maps[0].shape[1])

    def result(self, index: int, frame: int = 1) -> np.ndarray:
        """Compute an image's map behind norm and ReLU: (H + 2 * frame, W + 2 * frame, C), zero in the frame."""
        x, gain, shift = self._maps[index], self._line(self._gain), self._line(self._shift)
        out = framed(x.shape) if frame else recycled_empty(x.shape)

        def rows(first: int, last: int) -> None:
            normalize_relu(x, gain, shift, frame, first, last, out)

        for_each_block(rows, len(x), ROWS)
        return out

    def backward(self, dys: list[np.ndarray], frame: int = 0) -> Iterator[np.ndarray]:
        """Go back to the convolution's results, image by image.

        Parameters
        ----------
        dys : list of float32 arrays (H + 2 * frame, W + 2 * frame, C)
            Gradients by ``result``, overwritten; the list is emptied.
        frame : int
            0 or 1.

        Yields
        ------
        float32 array (H + 2, W + 2, C)
            In a frame.
        """
        lines = self._line(self._gain), self._line(self._shift), self._line(self.mean)
        both = zip(self._maps, dys, strict=True)
        self.dbias, products = np.sum([_sums(x, partial(mask_and_add, dy, x, lines, frame)) for x, dy in both], axis=0)
        self.dweight = products / self._spread
        slope = self._gain * self.dweight / self._spread / self.pixels
        back = lines[0], self._line(slope), lines[2], self._line(self._gain * self.dbias / self.pixels)
        for x in self._maps:
            yield _through(dys.pop(0), x, back, frame)


def _sums(x: np.ndarray, add: Callable[..., None]) -> np.ndarray:
    """Return two sums over the pixels of x, (2, C): ``add(first, last, line, line)`` adds some rows to two lines."""
    height, width, channels = x.shape
    lines = np.zeros((-(-height // ROWS), 2, width * channels), np.float32)

    def rows(first: int, last: int) -> None:
        add(first, last, *lines[first // ROWS])

    for_each_block(rows, height, ROWS)
    return lines.sum(axis=0, dtype=np.float64).reshape(2, width, channels).sum(axis=1)


def _through(d: np.ndarray, x: np.ndarray, lines: tuple[np.ndarray, ...], frame: int) -> np.ndarray:
    out = d if frame else framed(x.shape)

    def rows(first: int, last: int) -> None:
        through_statistics(d, x, lines, frame, first, last, out)

    for_each_block(rows, len(x), ROWS)
    return out
