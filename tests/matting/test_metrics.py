"""Errors of alphas: cases worked by hand, and straightforward second implementations."""

import math
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.matting.metrics import alpha_errors

# Both compute in float64; sums of some hundred terms of order 1 agree to about 1e-13.
TOLERANCE = 1e-10


def test_sums_and_means_worked_by_hand():
    alpha, truth = np.array([[0.5, 1.0], [0.25, 0.0]]), np.array([[0.0, 1.0], [0.5, 0.0]])
    errors = alpha_errors(alpha, truth)
    assert errors.sad == pytest.approx(0.75 / 1000)
    assert errors.mse == pytest.approx((0.25 + 0.0625) / 4 * 1000)
    assert errors.mad == pytest.approx(0.75 / 4 * 1000)
    one = alpha_errors(alpha, truth, np.array([[True, False], [False, False]]))
    assert (one.sad, one.mse, one.mad) == pytest.approx((0.5 / 1000, 250, 500))


def test_equal_alphas_have_no_error():
    alpha = np.random.default_rng(0).random((11, 7))
    assert astuple(alpha_errors(alpha, alpha)) == (0, 0, 0, 0, 0)


def test_gradient_of_a_step_worked_by_hand():
    """A step edge against a flat alpha: the response beside the edge is the filter's sum over one half."""
    truth = np.zeros((30, 30))
    truth[:, 15:] = 1
    x = np.arange(-4, 5)
    gauss = np.exp(-(x**2) / (2 * 1.4**2))
    slope = x * gauss
    # Along y the picture is constant, so the Gaussian multiplies by its sum; along x the derivative's half sum is left.
    response = gauss.sum() / np.linalg.norm(gauss) * abs(slope[:4].sum()) / np.linalg.norm(slope)
    region = np.zeros(truth.shape, bool)
    region[15, 15] = True
    assert alpha_errors(np.zeros_like(truth), truth, region).grad == pytest.approx(response**2 / 1000, rel=1e-12)


def test_connectivity_worked_by_hand():
    """An island of the prediction, away from the subject: its level is 0, so its phi is 1 - 0.8, and the truth's 1."""
    truth = np.zeros((9, 9))
    truth[:4] = 1
    alpha = truth.copy()
    alpha[7, 7] = 0.8
    assert alpha_errors(alpha, truth).conn == pytest.approx(0.8 / 1000)
    # An island of both, half as strong in the prediction: not of the largest part, so both fall by their alpha.
    truth[7, 7], alpha[7, 7] = 1, 0.5
    assert alpha_errors(alpha, truth).conn == pytest.approx(0.5 / 1000)
    # Within 0.15 of the level nothing counts.
    truth[7, 7], alpha[7, 7] = 0, 0.14
    assert alpha_errors(alpha, truth).conn == 0


def gradient_by_definition(alpha):
    """The two-dimensional 9 x 9 filters of the MATLAB code, one pixel at a time."""
    sigma = 1.4
    gauss = [math.exp(-(x**2) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi)) for x in range(-4, 5)]
    slope = [-x * value / sigma**2 for x, value in zip(range(-4, 5), gauss, strict=True)]
    along_x = np.array([[a * b for b in slope] for a in gauss])
    along_x /= np.sqrt((along_x**2).sum())
    low, high = alpha.min(), alpha.max()
    padded = np.pad((alpha - low) / (high - low) if high > low else alpha, 4, mode="edge")
    result = np.empty(alpha.shape)
    for y, x in np.ndindex(*alpha.shape):
        window = padded[y : y + 9, x : x + 9]
        result[y, x] = math.hypot((window * along_x).sum(), (window * along_x.T).sum())
    return result


def largest_by_search(mask):
    """Largest 4-connected component, first from the left and the top among equals."""
    left, parts = {(x, y) for y, x in np.argwhere(mask)}, []
    for start in sorted(left):
        if start in left:
            part, edge = {start}, [start]
            while edge:
                x, y = edge.pop()
                for near in ((x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)):
                    if near in left and near not in part:
                        part.add(near)
                        edge.append(near)
            left -= part
            parts.append(part)
    out = np.zeros(mask.shape, bool)
    for x, y in max(parts, key=len, default=()):
        out[y, x] = True
    return out


def connectivity_by_definition(p, g):
    level = np.full(p.shape, -1.0)
    for step in range(1, 11):
        omega = largest_by_search((p >= step / 10) & (g >= step / 10))
        level[(level == -1) & ~omega] = (step - 1) / 10
    level[level == -1] = 1
    phi = [1 - (a - level) * (a - level >= 0.15) for a in (p, g)]
    return np.abs(phi[0] - phi[1])


@given(height=st.integers(1, 12), width=st.integers(1, 12), levels=st.integers(2, 12), seed=st.integers(0, 2**32 - 1))
def test_second_implementation(height, width, levels, seed):
    generator = np.random.default_rng(seed)
    p, g = generator.integers(0, levels, (2, height, width)) / (levels - 1)
    region = generator.random((height, width)) < 0.7
    region[0, 0] = True
    errors = alpha_errors(p, g, region)
    grad = ((gradient_by_definition(p) - gradient_by_definition(g))[region] ** 2).sum() / 1000
    assert errors.grad == pytest.approx(grad, abs=TOLERANCE)
    assert errors.conn == pytest.approx(connectivity_by_definition(p, g)[region].sum() / 1000, abs=TOLERANCE)


def test_recorded_from_another_implementation():
    """Grad and Conn of MMagic 1.2.0 (``GradientError``, ``ConnectivityError``), recorded, on a disc with noise.

    Level 153 is left out: MMagic's threshold there is 0.6000000000000001, and 153 / 255 is not.
    """
    y, x = np.mgrid[:48, :64]
    truth = np.clip(128 + 6 * (380 - (x - 30) ** 2 - (y - 22) ** 2) // 16, 0, 255)
    alpha = np.clip(truth + (7 * x + 13 * y) % 97 - 48, 0, 255)
    alpha[(y > 40) & (x < 8)] = 200
    region = ((truth > 0) & (truth < 255)) | ((alpha > 0) & (alpha < 255))
    for levels in (truth, alpha):
        levels[levels == 153] = 152
    unknown, whole = (alpha_errors(alpha / 255, truth / 255, counted) for counted in (region, None))
    assert (unknown.grad, unknown.conn) == pytest.approx((0.21535354415060384, 0.2460666666666666), abs=TOLERANCE)
    assert (whole.grad, whole.conn) == pytest.approx((0.2614467913032582, 0.2460666666666666), abs=TOLERANCE)


@pytest.mark.parametrize(
    ("alpha", "truth", "region", "message"),
    [
        (np.zeros((2, 2)), np.zeros((2, 3)), None, r"shapes \(2, 2\), \(2, 3\)"),
        (np.full((2, 2), 1.5), np.zeros((2, 2)), None, r"alpha must be .* in \[0, 1\]"),
        (np.zeros((2, 2)), np.full((2, 2), np.nan), None, "true alpha must be"),
        (np.zeros((2, 2, 1)), np.zeros((2, 2, 1)), None, "alpha must be"),
        (np.zeros((2, 2)), np.zeros((2, 2)), np.zeros((2, 2), bool), "region is empty"),
    ],
)
def test_what_cannot_be_scored(alpha, truth, region, message):
    with pytest.raises(ImageError, match=message):
        alpha_errors(alpha, truth, region)
