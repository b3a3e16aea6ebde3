"""Drawn pictures are what they say: the matting equation holds, and the trimap knows nothing wrong."""

import numpy as np
import pytest

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.teaching import demo_photo, hairy_picture


@pytest.mark.parametrize("size", [32, 64, 100])
@pytest.mark.parametrize("seed", range(3))
def test_the_matting_equation_holds(seed, size):
    toy = hairy_picture(seed, size)
    for channel in range(3):
        exact = toy.alpha * toy.foreground[..., channel] + (1 - toy.alpha) * toy.background[..., channel]
        assert np.abs(toy.photo[..., channel] - 255 * exact).max() <= 0.5 + 1e-9  # half a level: rounding
    assert toy.photo.dtype == np.uint8
    for part in (toy.alpha, toy.foreground, toy.background):
        assert part.min() >= 0
        assert part.max() <= 1


@pytest.mark.parametrize("size", [32, 64, 100])
def test_the_trimap_knows_nothing_wrong(size):
    toy = hairy_picture(4, size)
    assert set(np.unique(toy.trimap)) == {0, 128, 255}
    assert (toy.alpha[toy.trimap == 0] == 0).all()
    assert (toy.alpha[toy.trimap == 255] == 1).all()
    assert (toy.trimap[(toy.alpha > 0) & (toy.alpha < 1)] == 128).all()


def test_there_is_hair():
    """A band of partly covered pixels far outside the disc, of which none is covered wholly."""
    toy = hairy_picture(0, 256)
    y, x = np.mgrid[:256, :256] + 0.5
    far = np.hypot(y - 0.6 * 256, x - 128) > 0.22 * 256 + 5
    assert (toy.alpha[far] > 0.2).sum() > 500
    assert toy.alpha[far].max() < 1


def test_the_same_seed_is_the_same_picture():
    assert all(
        np.array_equal(one, other) for one, other in zip(hairy_picture(2, 48), hairy_picture(2, 48), strict=True)
    )
    assert not np.array_equal(hairy_picture(2, 48).alpha, hairy_picture(3, 48).alpha)


def test_a_small_picture_is_refused():
    with pytest.raises(VitMatteError, match=r"31 pixels holds no disc with hair; ask for 32 or more"):
        hairy_picture(0, 31)


def test_the_demo_photo():
    photo, trimap = demo_photo()
    assert (photo.shape, photo.dtype) == ((512, 512, 3), np.uint8)
    assert trimap.shape == (512, 512)
    assert set(np.unique(trimap)) == {0, 128, 255}
