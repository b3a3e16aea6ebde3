"""The trust map's arithmetic on a few pixels by hand."""

import numpy as np
import pytest

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.matting.trust_map import trust_map

TRIMAP = np.array([[0, 0, 128, 128, 255, 255]], np.uint8)
RAW = np.array([[0.0, 0.8, 0.25, 0.5, 1.0, 0.4]], np.float32)
MIRRORED = np.array([[0.9, 0.9, 0.5, 0.5, 0.0, 0.0]], np.float32)


def test_known_pixels_are_held_against_the_trimap_and_unknown_ones_against_the_mirror():
    trust = trust_map(RAW, MIRRORED, TRIMAP)
    np.testing.assert_allclose(trust.contradiction, [[0, 0.8, 0, 0, 0, 0.6]], atol=1e-7)
    np.testing.assert_allclose(trust.disagreement, [[0, 0, 0.25, 0, 0, 0]], atol=1e-7)
    assert trust.unknown.tolist() == [[False, False, True, True, False, False]]
    assert trust.contradiction.dtype == trust.disagreement.dtype == np.float32


def test_picture_is_red_for_contradiction_and_cyan_for_disagreement():
    picture = trust_map(RAW, MIRRORED, TRIMAP).picture()
    assert picture.dtype == np.uint8
    black = [0, 0, 0]
    assert picture.tolist() == [[black, [204, 0, 0], [0, 64, 64], black, black, [153, 0, 0]]]


def test_summary():
    assert trust_map(RAW, MIRRORED, TRIMAP).lines() == [
        "trust: a mirrored photo changes the unknown alpha by 0.125 on average, by more than 0.1 in 50.0% of it",
        "warning: the network contradicts 2 known pixels by more than 0.5: the trimap is probably drawn wrong there",
    ]
    assert trust_map(RAW[:, :1], RAW[:, :1], TRIMAP[:, :1]).lines() == []


def test_sizes_that_differ():
    with pytest.raises(ImageError, match=r"shapes \(1, 6\) and \(1, 5\), the trimap \(1, 6\); expected one and"):
        trust_map(RAW, MIRRORED[:, 1:], TRIMAP)
