"""The guard against decompression bombs: what passes, what is refused, and Pillow's own limit afterwards."""

import warnings

import pytest
from PIL import Image
from support.bad_images import png_that_claims

from numpy_vitmatte.errors import ImageError, VitMatteError
from numpy_vitmatte.images.pixel_limit import MAX_PIXELS, pixel_limit
from numpy_vitmatte.images.reading import open_image


@pytest.fixture
def picture(tmp_path):
    """A sound file of 50 x 40 pixels."""
    Image.new("L", (50, 40)).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


@pytest.mark.parametrize("limit", [2000, 1_000_000, 0])
def test_up_to_the_limit_a_picture_passes_without_a_word(picture, limit):
    before = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pixel_limit(limit):
            assert open_image(picture).size == (50, 40)
    assert before == Image.MAX_IMAGE_PIXELS


def test_above_the_limit_it_is_refused(picture):
    before = Image.MAX_IMAGE_PIXELS
    with pytest.raises(ImageError) as caught, pixel_limit(1998):
        open_image(picture, "photo")
    assert str(caught.value) == (
        f"photo {str(picture)!r} is refused: it would unpack to 2000 of at most 1998 pixels, which may be a "
        "decompression bomb; if you trust it, raise the limit with --max-pixels, or in Python with pixel_limit()"
    )
    assert before == Image.MAX_IMAGE_PIXELS


def test_the_largest_cameras_pass_and_pillows_limit_is_raised(tmp_path):
    """A 200-megapixel phone's photo is more than Pillow takes unasked; this one has no pixels to decode."""
    (tmp_path / "phone.png").write_bytes(png_that_claims(16320, 12240))
    with pytest.raises(ImageError, match=r"is refused: it would unpack to 199756800 of at most \d+ pixels"):
        open_image(tmp_path / "phone.png")
    with pixel_limit(MAX_PIXELS), pytest.raises(ImageError, match="is damaged and cannot be decoded"):
        open_image(tmp_path / "phone.png")


@pytest.mark.parametrize("limit", [-1, 1e6, "many", None, True])
def test_limits_that_are_none(limit):
    message = f"the limit of pixels is {limit!r}; expected a whole number, for example 1000000000, or 0 for none"
    with pytest.raises(VitMatteError) as caught, pixel_limit(limit):
        pass
    assert str(caught.value) == message
