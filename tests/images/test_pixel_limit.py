"""The guard against decompression bombs: what passes, what is refused, and Pillow's own limit afterwards."""

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image
from support.bad_images import png_that_claims

from numpy_vitmatte.errors import ImageError, VitMatteError
from numpy_vitmatte.images.pixel_limit import MAX_PIXELS, pixel_limit
from numpy_vitmatte.images.reading import open_image
from numpy_vitmatte.pipeline.inputs import read_input
from numpy_vitmatte.runtime.threads import set_num_threads


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


def test_overlapping_limits_leave_pillows_setting_and_each_other_alone(picture):
    """Two threads whose blocks overlap, so that the one that begins first also ends first."""
    before = (Image.MAX_IMAGE_PIXELS, list(warnings.filters))
    first_began, second_began, first_ended = threading.Event(), threading.Event(), threading.Event()

    def first():
        with pixel_limit(1998):
            first_began.set()
            assert second_began.wait(60)
            with pytest.raises(ImageError, match="2000 of at most 1998 pixels"):
                open_image(picture)
        first_ended.set()

    def second():
        assert first_began.wait(60)
        with pixel_limit(0):
            second_began.set()
            assert first_ended.wait(60)
            assert open_image(picture).size == (50, 40)

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(first), threads.submit(second)]:
            done.result()
    assert before == (Image.MAX_IMAGE_PIXELS, list(warnings.filters))


def test_without_a_limit_pillows_own_setting_holds(picture, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 999)
    with pytest.raises(ImageError, match="2000 of at most 1998 pixels"):
        open_image(picture)
    with pixel_limit(2000):
        assert open_image(picture).size == (50, 40)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1500)
    with pytest.warns(Image.DecompressionBombWarning, match="2000 pixels"):
        open_image(picture)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert open_image(picture).size == (50, 40)


def test_the_limit_holds_in_the_threads_of_a_job(tmp_path, picture):
    set_num_threads(2)
    Image.new("L", (50, 40), 128).save(tmp_path / "trimap.png")
    with pixel_limit(1998), pytest.raises(ImageError, match=r"photo .* is refused"):
        read_input(picture, tmp_path / "trimap.png")
    (tmp_path / "phone.png").write_bytes(png_that_claims(16320, 12240))
    with pixel_limit(MAX_PIXELS), pytest.raises(ImageError, match=r"trimap .* is damaged"):
        read_input(picture, tmp_path / "phone.png")
