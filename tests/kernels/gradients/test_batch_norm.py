"""Batch norm by a batch's own statistics, with the ReLU behind it, against the reference's in float64."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte.gradients.normalized_maps import NormalizedMaps
from numpy_vitmatte.reference_backward import batch_norm_backward
from numpy_vitmatte.testing import UNIT, assert_within

EPSILON = 1e-5


def framed(image):
    return np.pad(image, ((1, 1), (1, 1), (0, 0)))


@given(
    count=st.integers(1, 3), height=st.integers(1, 40), width=st.integers(1, 12), channels=st.integers(1, 40),
    frame=st.sampled_from([0, 1]), seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_a_batch(count, height, width, channels, frame, seed):
    """Statistics, maps behind norm and ReLU, and all gradients, of means that are large beside the deviation.

    Numbers are right to a few units of their size; every step but the sums over pixels is one operation on them, and
    of these no more than 16 rows are added in float32. A norm enlarges what comes in by its gain.
    """
    generator = np.random.default_rng(seed)
    shape = (count, height, width, channels)
    x = (generator.standard_normal(shape) + 5 * generator.standard_normal(channels)).astype(np.float32)
    dy = generator.standard_normal(shape).astype(np.float32)
    weight, bias = generator.standard_normal((2, channels)).astype(np.float32)
    maps = NormalizedMaps(list(x), weight, bias, EPSILON)

    wide = x.astype(np.float64)
    w = {"weight": weight, "running_mean": wide.mean(axis=(0, 1, 2)), "running_var": wide.var(axis=(0, 1, 2))}
    largest, gain = np.abs(wide).max(), np.abs(weight) / np.sqrt(w["running_var"] + EPSILON)
    assert maps.pixels == count * height * width
    assert_within(maps.mean, w["running_mean"], 4 * UNIT * largest)
    assert_within(maps.variance, w["running_var"], 8 * UNIT * largest**2)

    before = (wide - w["running_mean"]) / np.sqrt(w["running_var"] + EPSILON) * weight + bias
    slack = 16 * UNIT * (gain * largest + np.abs(bias))
    results = [maps.result(i, frame) for i in range(count)]
    inner = np.stack([result[frame : frame + height, frame : frame + width] for result in results])
    assert_within(inner, np.maximum(before, 0), slack)
    assert all((framed(own) == result).all() for own, result in zip(inner, results, strict=True) if frame)

    dy[np.abs(before) <= slack] = 0  # there rounding decides what the ReLU lets through
    given_dys = [framed(own) if frame else own.copy() for own in dy]
    found = np.stack(list(maps.backward(given_dys, frame)))
    dx, dw = batch_norm_backward(np.where(before > 0, dy, 0).astype(np.float64), wide, w, EPSILON, training=True)
    deviations = 1 + 2 * largest / np.sqrt(w["running_var"] + EPSILON)
    sizes = np.abs(dy).sum(axis=(0, 1, 2)) * deviations
    assert not given_dys
    assert_within(found, np.stack([framed(own) for own in dx]), 64 * UNIT * (gain * np.abs(dy).max() * deviations**2))
    assert_within(maps.dbias, dw["bias"], 64 * UNIT * sizes)
    assert_within(maps.dweight, dw["weight"], 64 * UNIT * sizes)
