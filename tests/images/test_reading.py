"""Opening photos: every Pillow mode, every layout and scale, and one clear line for what cannot be opened."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from support.bad_images import BAD_FILES, make_bad_file

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.images.photo_reading import read_photo
from numpy_vitmatte.images.reading import open_image

PHOTO = np.random.default_rng(5).integers(0, 256, (9, 14, 3), dtype=np.uint8)
GRAY = PHOTO[..., 0]
THREE_GRAYS = np.stack([GRAY] * 3, -1)


def with_transparency():
    image = Image.fromarray(PHOTO).convert("RGBA")
    image.putalpha(Image.fromarray(GRAY))
    return image


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (Image.fromarray(PHOTO), PHOTO),
        (Image.fromarray(GRAY), THREE_GRAYS),
        (Image.fromarray(GRAY).convert("LA"), THREE_GRAYS),
        (with_transparency(), PHOTO),
        (Image.fromarray(GRAY > 99), 255 * (THREE_GRAYS > 99)),
        (Image.fromarray(GRAY).convert("P"), THREE_GRAYS),
        (Image.fromarray(255 - PHOTO).convert("RGB").convert("CMYK"), 255 - PHOTO),
        (Image.fromarray(GRAY).convert("I"), THREE_GRAYS),
        (Image.fromarray(GRAY.astype(np.float32)), THREE_GRAYS),
        (Image.fromarray(GRAY.astype(np.float32) / np.float32(255)), THREE_GRAYS),
        (Image.fromarray(GRAY.astype(np.uint16) * 257), THREE_GRAYS),
        (PHOTO, PHOTO),
        (PHOTO.transpose(2, 0, 1), PHOTO),
        (PHOTO.astype(np.int64), PHOTO),
        (PHOTO.astype(np.uint16) * 257, PHOTO),
        (PHOTO / 255, PHOTO),
        (PHOTO.astype(np.float32), PHOTO),
        (np.dstack([PHOTO, GRAY]), PHOTO),
        (GRAY, THREE_GRAYS),
        (GRAY[..., None], THREE_GRAYS),
        (GRAY > 99, 255 * (THREE_GRAYS > 99)),
    ],
    ids=lambda value: f"{getattr(value, 'mode', getattr(value, 'dtype', ''))}{getattr(value, 'shape', '')}",
)
@pytest.mark.filterwarnings("ignore:photo is transparent itself")
def test_every_kind_of_photo_becomes_rgb_levels(source, expected):
    photo = read_photo(source)
    np.testing.assert_allclose(photo, expected, rtol=0, atol=2e-5)  # float32 / 255 * 255


def test_eight_bits_stay_eight_bits_and_more_are_not_rounded():
    assert read_photo(Image.fromarray(PHOTO)).dtype == np.uint8
    assert read_photo(Image.fromarray(GRAY).convert("LA")).dtype == np.uint8
    assert read_photo(PHOTO.astype(np.int64)).dtype == np.uint8
    sixteen = read_photo(np.full((4, 5, 3), 20000, np.uint16))
    np.testing.assert_allclose(sixteen, 20000 / 257)
    np.testing.assert_allclose(read_photo(np.full((4, 5, 3), 0.1)), 25.5)


def test_transparency_of_a_palette_leaves_the_colors_under_it():
    palette = Image.fromarray(GRAY // 128).convert("P")
    palette.putdata((GRAY // 128).ravel().tolist())
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.info["transparency"] = b"\x00\xff"
    with pytest.warns(UserWarning, match="photo is transparent itself"):
        levels = read_photo(palette)
    np.testing.assert_array_equal(levels, np.array([[10, 20, 30], [40, 50, 60]])[GRAY // 128])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation, tmp_path):
    # How a camera stores the upright PHOTO under each of EXIF's orientations (EXIF 2.3, tag 0x0112).
    stored = {
        1: PHOTO,
        2: PHOTO[:, ::-1],
        3: PHOTO[::-1, ::-1],
        4: PHOTO[::-1],
        5: PHOTO.transpose(1, 0, 2),
        6: np.rot90(PHOTO),
        7: np.rot90(PHOTO, 2).transpose(1, 0, 2),
        8: np.rot90(PHOTO, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(read_photo(tmp_path / "turned.png"), PHOTO)
    np.testing.assert_array_equal(read_photo(Image.open(tmp_path / "turned.png")), PHOTO)


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_are_named_and_explained(name, tmp_path):
    path = make_bad_file(tmp_path, name)
    with pytest.raises(ImageError) as caught:
        read_photo(path)
    message = str(caught.value)
    assert message.startswith(f"photo '{path}'")
    assert BAD_FILES[name][1] in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (None, "is a NoneType; expected a path"),
        (b"photo.png", "is a bytes; expected a path"),
        (np.zeros((0, 5, 3)), "empty"),
        (np.zeros((5, 6, 2)), "1, 3 or 4 channels"),
        (np.zeros((5, 6, 5)), "1, 3 or 4 channels"),
        (np.zeros((2, 5, 6, 3)), "1, 3 or 4 channels"),
        (np.array(7), "1, 3 or 4 channels"),
        (np.full((2, 5), np.nan), "10 NaN or infinite values of 10"),
        (np.full((2, 5), -3), "values -3 to -3"),
        (np.full((2, 5), 1.04), "clip them first"),
        (np.full((2, 5), 300.0), "values up to 300"),
        (np.full((2, 5), 1 << 17), "values up to 131072"),
        (np.array([["a"]]), "dtype"),
        (np.array([[1j]]), "dtype complex128"),
        pytest.param(Image.new("RGB", (0, 3)), "0 x 3 pixels", id="image without a column"),
    ],
    ids=str,
)
def test_bad_arrays_and_images_are_explained(bad, message):
    with pytest.raises(ImageError, match=message):
        read_photo(bad)


def test_file_that_may_not_be_read(tmp_path, monkeypatch):
    def refuse(*arguments, **keywords):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(ImageError, match="permission denied"):
        open_image(tmp_path / "photo.png", "photo")


def test_a_tensor_like_thing_is_taken_by_its_array():
    class Tensor:
        def __array__(self, dtype=None, copy=None):
            return PHOTO

    np.testing.assert_array_equal(read_photo(Tensor()), PHOTO)


@given(hnp.arrays(np.uint8, st.tuples(st.integers(5, 9), st.integers(5, 9), st.just(3)), elements=st.integers(0, 255)))
def test_layouts_agree(photo):
    np.testing.assert_array_equal(read_photo(photo.transpose(2, 0, 1)), read_photo(photo))
