"""Labels that cannot be meant are refused in one sentence."""

import numpy as np
import pytest

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.training.labels import checked_labels

TRIMAPS = np.zeros((2, 4, 6), np.float32)
TRIMAPS[0, 1] = 128 / 255
TRIMAPS[0, 2] = 0.5
TRIMAPS[1, :, 3] = 1
ALPHAS = np.random.default_rng(0).uniform(0, 1, (2, 1, 4, 6))


def test_alphas_and_what_is_unknown():
    """In the trimaps' type; 128 / 255 and 0.5 are both unknown, 0 and 1 are not."""
    alphas, unknown = checked_labels(ALPHAS, TRIMAPS)
    assert alphas.dtype == np.float32
    np.testing.assert_array_equal(alphas, ALPHAS[:, 0].astype(np.float32))
    assert unknown[0, 1:3].all()
    assert np.count_nonzero(unknown) == 12


def changed(place, value):
    labels = ALPHAS.copy()
    labels[place] = value
    return labels


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (ALPHAS[:, 0], r"has shape \(2, 4, 6\); expected \(2, 1, 4, 6\)"),
        (ALPHAS[:1], r"has shape \(1, 1, 4, 6\); expected \(2, 1, 4, 6\)"),
        ([[0.5], [0.5, 0.5]], "different sizes"),
        ((ALPHAS * 255).astype(np.uint8), "type uint8; .* divide levels by 255"),
        (changed((0, 0, 1, 2), np.nan), "NaN or infinite"),
        (changed((1, 0, 1, 2), np.inf), "NaN or infinite"),
        (255 * ALPHAS, "ranges from .* expected alphas, 0 to 1"),
        (changed((0, 0, 0, 0), -0.25), "ranges from -0.25 to"),
        ("alpha.png", "has shape"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_what_is_refused(labels, message):
    with pytest.raises(VitMatteError, match=message) as caught:
        checked_labels(labels, TRIMAPS)
    assert "\n" not in str(caught.value)


def test_trimaps_that_know_everything():
    with pytest.raises(VitMatteError, match="channel 4 of pixel_values know every pixel"):
        checked_labels(ALPHAS, np.round(TRIMAPS - 0.1))
