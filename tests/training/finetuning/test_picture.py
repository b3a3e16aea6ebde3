"""Pictures to train with: trimaps by exact distances, sizes, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.teaching import hairy_picture
from numpy_vitmatte.training.finetuning.picture import read_picture
from numpy_vitmatte.trimaps.from_mask import widen_unknown


def saved(folder, alpha, photo=None):
    """Files of a photo and an alpha."""
    photo = np.zeros((*alpha.shape, 3), np.uint8) if photo is None else photo
    Image.fromarray(photo).save(folder / "photo.png")
    np.save(folder / "alpha.npy", alpha)
    return folder / "photo.png", folder / "alpha.npy"


@settings(max_examples=20)
@given(inner=st.floats(1, 30), outer=st.floats(1, 30))
def test_drawn_trimaps_are_those_of_widen_unknown(tmp_path_factory, inner, outer):
    """Seen from the trimap in which only fractional pixels are unknown."""
    alpha = hairy_picture(3, 96).alpha
    picture = read_picture(*saved(tmp_path_factory.mktemp("one"), alpha), None, 64)
    narrow = np.where(alpha == 1, 255, np.where(alpha == 0, 0, 128)).astype(np.uint8)
    np.testing.assert_array_equal(picture.with_band(inner, outer), widen_unknown(narrow, inner, outer))


def test_a_given_trimap_is_taken(folders):
    paths = [folders / name / "001.png" for name in ("photos", "alphas", "trimaps")]
    picture = read_picture(*paths, 64)
    np.testing.assert_array_equal(picture.with_band(5, 20), np.asarray(Image.open(paths[2])))
    np.testing.assert_array_equal(picture.photo, np.asarray(Image.open(paths[0])))
    np.testing.assert_allclose(picture.alpha, hairy_picture(1, 96).alpha, rtol=0, atol=0.5 / 65535 + 1e-7)


@pytest.mark.parametrize("shape", [(40, 90), (90, 20), (10, 11)])
def test_small_pictures_are_continued_as_in_a_mirror(tmp_path, shape):
    generator = np.random.default_rng(0)
    alpha, photo = generator.random(shape), generator.integers(0, 256, (*shape, 3), np.uint8)
    picture = read_picture(*saved(tmp_path, alpha, photo), None, 64)
    rows, columns = (np.arange(max(64, side)) % (2 * side) for side in shape)
    rows, columns = (np.minimum(at, 2 * side - 1 - at) for at, side in zip((rows, columns), shape, strict=True))
    np.testing.assert_array_equal(picture.alpha, alpha.astype(np.float32)[rows][:, columns])
    np.testing.assert_array_equal(picture.photo, photo[rows][:, columns])


def test_a_trimap_of_another_size_is_refused(tmp_path):
    paths = saved(tmp_path, hairy_picture(0, 64).alpha)
    Image.fromarray(np.full((64, 32), 128, np.uint8)).save(tmp_path / "trimap.png")
    with pytest.raises(ImageError, match=r"trimap '.*' is 32 x 64 pixels, width x height, its photo 64 x 64"):
        read_picture(*paths, tmp_path / "trimap.png", 64)
