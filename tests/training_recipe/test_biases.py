"""The running mean of each kind's bias, and its price."""

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the pictures are drawn with scipy ([train] extra)")

from training.biases import DECAY, PRICE, Biases

pytestmark = pytest.mark.extras("scipy")


@pytest.fixture(autouse=True)
def goals(monkeypatch):
    """One goal, whatever the recipe's last run had."""
    monkeypatch.setattr("training.biases.GOALS", {"parts": 0.05})


def batch(*biases):
    """Pictures of 4 x 4 pixels, the upper half unknown and wrong by as much, the lower half known and far off."""
    alphas = np.full((len(biases), 4, 4), 0.5)
    predicted, unknown = alphas + 0.3, np.zeros(alphas.shape, bool)
    unknown[:, :2] = True
    for picture, bias in enumerate(biases):
        predicted[picture, :2] = 0.5 + bias
    return predicted, alphas, unknown


def test_a_kind_pays_for_its_own_mean():
    """Two pictures of a kind share a mean, drawn closer to each in turn; other kinds and sizes have their own."""
    biases = Biases()
    gradient = biases.gradient(*batch(0.1, -0.2, 0.3), ["wire", "net", "wire"])
    first = (1 - DECAY) * 0.1
    second = DECAY * first + (1 - DECAY) * 0.3
    assert biases.means == pytest.approx({"compose 4": second, "rare 4": -0.2 * (1 - DECAY)})
    assert gradient[0, 0, 0] == pytest.approx(PRICE * first / (8 * 3))
    assert gradient[2, 1, 3] == pytest.approx(PRICE * second / (8 * 3))
    assert not gradient[:, 2:].any(), "known pixels have no bias"
    larger = [np.tile(part, (1, 2, 2)) for part in batch(0.5)]
    biases.gradient(*larger, ["wire"])
    assert biases.means["compose 8"] == pytest.approx(0.5 * (1 - DECAY))
    assert biases.means["compose 4"] == pytest.approx(second)


def test_the_gradient_is_that_of_half_the_square():
    """Once the mean has settled at the picture's own bias b, it is the gradient of PRICE * b * b / 2."""
    biases, step = Biases(), 1e-6
    for _ in range(2000):
        gradient = biases.gradient(*batch(0.2), ["net"])
    moved = PRICE * ((0.2 + step) ** 2 - (0.2 - step) ** 2) / 4 / step
    assert gradient[0].sum() == pytest.approx(moved, rel=1e-6)


def test_nothing_is_paid_at_the_goal():
    biases = Biases()
    for _ in range(2000):
        gradient = biases.gradient(*batch(0.05), ["parts"])
    assert np.abs(gradient).max() < 1e-12


def test_a_picture_without_unknown_pixels_counts_for_nothing():
    predicted, alphas, unknown = batch(0.4)
    biases = Biases()
    assert not biases.gradient(predicted, alphas, unknown & False, ["fringed"]).any()
    assert biases.means == {}
