"""Comparison of two traces layer by layer: the first layer that differs is the place to look."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.tracing.layer_order import network_order

TOLERANCE = 1e-4
"""Share of a layer's size within which two float32 implementations agree.

The largest measured is 3e-5: against PyTorch, with the bundled weights on the bundled photo.
"""


@dataclass(frozen=True)
class LayerComparison:
    """One layer of two traces.

    Attributes
    ----------
    name : str
    difference : float
        Largest difference, as a share of the layer's size: the larger root mean square of the two, and 1 for attention
        probabilities. It is infinite for missing layers, other shapes and NaN.
    agree : bool
        True if the difference lies within the tolerance.
    text : str
        The finding in words.
    """

    name: str
    difference: float
    agree: bool
    text: str


@dataclass(frozen=True)
class TraceComparison:
    """All layers of two traces, in the order of the network."""

    layers: tuple[LayerComparison, ...]

    @property
    def first_difference(self) -> LayerComparison | None:
        """Return the first layer that differs, None where all agree."""
        return next((layer for layer in self.layers if not layer.agree), None)

    @property
    def largest(self) -> LayerComparison:
        """Return the layer with the largest difference."""
        return max(self.layers, key=lambda layer: layer.difference)


def compare_traces(
    a: Mapping[str, np.ndarray],
    b: Mapping[str, np.ndarray],
    tolerance: float = TOLERANCE,
    *,
    common: bool = False,
) -> TraceComparison:
    """Compare two traces.

    Parameters
    ----------
    a, b : mapping of str to float array
        Layers by name, in any order; see :func:`~numpy_vitmatte.tracing.trace_file.read_trace`.
    tolerance : float
        Largest difference that counts as none, as a share of the layer's size.
    common : bool
        Leave out layers that only one of the two has. Otherwise such a layer is a difference.

    Returns
    -------
    TraceComparison

    Raises
    ------
    VitMatteError
        If the tolerance is not a number of at least 0, or the two have no layer in common.
    """
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise VitMatteError(f"the tolerance is {tolerance}; expected a number from 0 up, such as {TOLERANCE:g}")
    shared = a.keys() & b.keys()
    if not shared:
        raise VitMatteError(
            f"the traces have no layer in common: the first begins with {_beginning(a)}, the second with "
            f"{_beginning(b)}; expected names such as 'backbone.encoder.layer.0'"
        )
    names = network_order(shared if common else a.keys() | b.keys())
    return TraceComparison(tuple(_compare_layer(name, a.get(name), b.get(name), tolerance) for name in names))


def _beginning(layers: Mapping[str, np.ndarray]) -> str:
    return repr(network_order(layers)[0]) if layers else "nothing"


def _compare_layer(name: str, a: np.ndarray | None, b: np.ndarray | None, tolerance: float) -> LayerComparison:
    def differs(text: str) -> LayerComparison:
        return LayerComparison(name, math.inf, False, text)

    if a is None or b is None:
        return differs(f"missing in the {'first' if a is None else 'second'}")
    if a.shape != b.shape:
        return differs(f"shape {a.shape} in the first, {b.shape} in the second")
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    same = (wide_a == wide_b) | (np.isnan(wide_a) & np.isnan(wide_b))
    finite = np.isfinite(wide_a) & np.isfinite(wide_b)
    if (~same & ~finite).any():
        return differs(_text_of_not_finite(a, b, ~same & ~finite))
    difference = np.abs(np.subtract(wide_a, wide_b, out=np.zeros_like(wide_a), where=finite))
    # Nearly all of a photo's probabilities are nearly 0: their root mean square says nothing of the few that matter.
    row_sum = name.endswith(".probabilities")
    size = 1.0 if row_sum else max(_root_mean_square(values, finite) for values in (wide_a, wide_b))
    share = float(difference.max(initial=0.0)) / size if size > 0 else 0.0
    return LayerComparison(name, share, share <= tolerance, _text(a, b, difference, share, tolerance * size))


def _root_mean_square(values: np.ndarray, finite: np.ndarray) -> float:
    return math.sqrt(np.mean(values**2, where=finite)) if finite.any() else 0.0


def _text_of_not_finite(a: np.ndarray, b: np.ndarray, places: np.ndarray) -> str:
    place = tuple(int(n) for n in np.argwhere(places)[0])
    return (
        f"at {place} {a[place]:g} in the first, {b[place]:g} in the second; "
        f"{np.count_nonzero(places)} of {places.size} values are NaN or infinite and not the same"
    )


def _text(a: np.ndarray, b: np.ndarray, difference: np.ndarray, share: float, bound: float) -> str:
    if not difference.any():
        return "equal"
    place = tuple(int(n) for n in np.unravel_index(np.argmax(difference), difference.shape))
    beyond = np.count_nonzero(difference > bound)
    text = (
        f"largest difference {difference[place]:.3g} at {place}: {a[place]:.7g} in the first, {b[place]:.7g} in the "
        f"second, {share:.2g} of the layer's size"
    )
    return f"{text}; {beyond} of {difference.size} values are beyond the tolerance" if beyond else text
