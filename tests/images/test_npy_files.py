"""Arrays in files, wherever a picture is taken."""

import numpy as np
import pytest

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.images.header import photo_header
from numpy_vitmatte.images.photo_reading import read_photo
from numpy_vitmatte.matting.background import read_background
from numpy_vitmatte.trimaps.doctor import check_trimap
from numpy_vitmatte.trimaps.from_mask import trimap_from_mask
from numpy_vitmatte.trimaps.reading import read_trimap

COLORS = np.random.default_rng(4).integers(0, 256, (40, 50, 3), dtype=np.uint8)
LEVELS = np.repeat(np.array([[0, 128, 255]], np.uint8), 20, axis=0).repeat(10, axis=1)


def test_every_reader_takes_one(tmp_path):
    photo, trimap, mask = (tmp_path / f"{name}.npy" for name in ("photo", "trimap", "mask"))
    np.save(photo, COLORS)
    np.save(trimap, LEVELS)
    np.save(mask, LEVELS / 255)
    np.testing.assert_array_equal(read_photo(photo), COLORS)
    np.testing.assert_array_equal(read_photo(str(photo)), COLORS)
    assert photo_header(photo)[:3] == (40, 50, False)
    np.testing.assert_array_equal(read_trimap(trimap)[0], LEVELS)
    np.testing.assert_array_equal(trimap_from_mask(mask, 0, 0), LEVELS)
    assert check_trimap(trimap, LEVELS).findings == ()
    np.testing.assert_array_equal(read_background(photo)(40, 50), COLORS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read: No data left in file|cannot be read: .*"),
        (
            b"\x93NUMPY\x01\x00v\x00{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000, 1000000000)}",
            "cannot",
        ),
        (b"GIF89a", "cannot be read"),
    ],
)
def test_what_is_no_array(content, message, tmp_path):
    (tmp_path / "a.npy").write_bytes(content)
    for read in (read_photo, read_trimap, photo_header):
        with pytest.raises(ImageError, match=message):
            read(tmp_path / "a.npy")


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(ImageError, match=r"photo '.*none\.npy': no such file"):
        read_photo(tmp_path / "none.npy")
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(ImageError, match="is a directory"):
        read_photo(tmp_path / "folder.npy")
