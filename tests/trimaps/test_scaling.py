"""Trimaps of another size: the two rules of scaling, and what is turned, scaled or explained beside a photo."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageOps

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.trimaps.scaling import downscale_by_blocks, fit_to_photo, scale_conservatively

TRIMAP = np.random.default_rng(4).choice(np.array([0, 128, 255], np.uint8), (30, 42))


@given(hnp.arrays(np.uint8, (7, 9), elements=st.sampled_from([0, 128, 255])), st.integers(1, 23), st.integers(1, 23))
def test_a_scaled_pixel_is_known_only_if_all_that_it_covers_was(trimap, height, width):
    """Against a grid so fine that both sizes' pixels are whole blocks of it."""
    fine = np.repeat(np.repeat(trimap, height, 0), width, 1)  # (7 height, 9 width)
    blocks = fine.reshape(height, 7, width, 9).transpose(0, 2, 1, 3).reshape(height, width, 63)
    same = (blocks == blocks[..., :1]).all(axis=-1)
    np.testing.assert_array_equal(scale_conservatively(trimap, height, width), np.where(same, blocks[..., 0], 128))


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_whole_factors_repeat_pixels(factor):
    scaled = scale_conservatively(TRIMAP, 30 * factor, 42 * factor)
    np.testing.assert_array_equal(scaled, np.repeat(np.repeat(TRIMAP, factor, 0), factor, 1))


def test_blocks_by_hand():
    trimap = np.array([[0, 0, 0, 255, 255, 255, 128, 255], [0, 0, 0, 0, 255, 255, 255, 255]], np.uint8)
    small = downscale_by_blocks(trimap, 1, 4)
    np.testing.assert_array_equal(small, np.array([[0, 128, 255, 128]], np.uint8), strict=True)


@given(st.data(), hnp.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)),
                             elements=st.sampled_from([0, 128, 255])))  # fmt: skip
def test_blocks_claim_nothing_that_their_pixels_do_not(data, trimap):
    height, width = (data.draw(st.integers(1, side)) for side in trimap.shape)
    small = downscale_by_blocks(trimap, height, width)
    assert small.shape == (height, width)
    for y, x in np.ndindex(trimap.shape):
        rows = [row for row in range(height) if row * trimap.shape[0] // height <= y]
        columns = [column for column in range(width) if column * trimap.shape[1] // width <= x]
        # The last block that begins at or before the pixel holds it, and may only say what the pixel says.
        assert small[rows[-1], columns[-1]] in (128, trimap[y, x])
    assert np.isin(small, [0, 128, 255]).all()


def test_blocks_of_one_pixel_are_the_pixels():
    trimap = np.random.default_rng(0).choice(np.uint8([0, 128, 255]), (5, 7))
    np.testing.assert_array_equal(downscale_by_blocks(trimap, 5, 7), trimap, strict=True)


@given(hnp.arrays(np.uint8, (12, 18), elements=st.sampled_from([0, 128, 255])), st.integers(1, 12), st.integers(1, 18))
def test_the_two_rules_differ_in_what_they_leave_unknown_alone(trimap, height, width):
    """Where the conservative rule knows a pixel, the blocks do too; where the sizes divide, the rules agree wholly."""
    strict, blocks = (scale(trimap, height, width) for scale in (scale_conservatively, downscale_by_blocks))
    np.testing.assert_array_equal(blocks[strict != 128], strict[strict != 128])
    if 12 % height == 0 and 18 % width == 0:
        np.testing.assert_array_equal(blocks, strict)


@pytest.mark.parametrize("size", [(60, 84), (15, 21), (100, 140), (33, 46), (7, 10), (31, 43)])
def test_same_proportions_are_scaled(size):
    photo = np.zeros((*size, 3), np.uint8)
    fitted, finding = fit_to_photo(TRIMAP, photo)
    np.testing.assert_array_equal(fitted, scale_conservatively(TRIMAP, *size))
    assert finding.repaired
    assert str(finding) == (
        f"size: the photo is {size[1]} x {size[0]} pixels (width x height), the trimap 42 x 30: it is scaled to fit"
    )


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_trimap_of_the_photo_as_stored_is_turned_with_it(tmp_path, orientation):
    photo = Image.fromarray(TRIMAP)  # its own photo: what turns the one must turn the other alike
    exif = Image.Exif()
    exif[274] = orientation
    photo.save(tmp_path / "photo.png", exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "photo.png")))
    assert upright.shape == (42, 30)
    for source in (tmp_path / "photo.png", str(tmp_path / "photo.png"), Image.open(tmp_path / "photo.png")):
        fitted, finding = fit_to_photo(TRIMAP, source)
        np.testing.assert_array_equal(fitted, upright)
        assert finding.repaired
        assert finding.message == (
            "the photo is 30 x 42 pixels (width x height), the trimap 42 x 30: it was drawn on the photo as stored, "
            f"which its EXIF orientation {orientation} turns; it is turned likewise"
        )
    assert fit_to_photo(upright, tmp_path / "photo.png") == (pytest.approx(upright), None)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (
            (42, 30),
            "the photo is 30 x 42 pixels (width x height), the trimap 42 x 30: one of them is turned by 90 degrees",
        ),
        (
            (32, 64),
            "the photo is 64 x 32 pixels (width x height), the trimap 42 x 30, which is no scaled copy: was one of ",
        ),
        ((30, 40), "which is no scaled copy: was one of them cropped or padded?"),
    ],
)
def test_other_sizes_need_a_person(size, message):
    fitted, finding = fit_to_photo(TRIMAP, np.zeros(size, np.uint8))
    assert fitted is TRIMAP
    assert message in finding.message
    assert not finding.repaired


def test_padding_to_multiples_of_32_is_no_scaling():
    """What ViTMatte's own padding makes of 1080 x 1920."""
    _, finding = fit_to_photo(np.zeros((1088, 1920), np.uint8), np.zeros((1080, 1920), np.uint8))
    assert not finding.repaired


@pytest.mark.parametrize(("photo", "message"), [("no.png", "photo 'no.png': no such file"), (3, "photo is a int")])
def test_photos_that_cannot_be_read(photo, message):
    with pytest.raises(ImageError, match=message):
        fit_to_photo(TRIMAP, photo)
