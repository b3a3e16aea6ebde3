"""Trimaps of another size than the photo: turned with it, scaled without inventing knowledge, or explained."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageOps

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.trimaps.scaling import fit_to_photo, scale_trimap

TRIMAP = np.random.default_rng(4).choice(np.array([0, 128, 255], np.uint8), (30, 42))


@given(hnp.arrays(np.uint8, (7, 9), elements=st.sampled_from([0, 128, 255])), st.integers(1, 23), st.integers(1, 23))
def test_a_scaled_pixel_is_known_only_if_all_that_it_covers_was(trimap, height, width):
    """Against a grid so fine that both sizes' pixels are whole blocks of it."""
    fine = np.repeat(np.repeat(trimap, height, 0), width, 1)  # (7 height, 9 width)
    blocks = fine.reshape(height, 7, width, 9).transpose(0, 2, 1, 3).reshape(height, width, 63)
    same = (blocks == blocks[..., :1]).all(axis=-1)
    np.testing.assert_array_equal(scale_trimap(trimap, height, width), np.where(same, blocks[..., 0], 128))


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_whole_factors_repeat_pixels(factor):
    scaled = scale_trimap(TRIMAP, 30 * factor, 42 * factor)
    np.testing.assert_array_equal(scaled, np.repeat(np.repeat(TRIMAP, factor, 0), factor, 1))


@pytest.mark.parametrize("size", [(60, 84), (15, 21), (100, 140), (33, 46), (7, 10), (31, 43)])
def test_same_proportions_are_scaled(size):
    photo = np.zeros((*size, 3), np.uint8)
    fitted, finding = fit_to_photo(TRIMAP, photo)
    np.testing.assert_array_equal(fitted, scale_trimap(TRIMAP, *size))
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
