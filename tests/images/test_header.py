"""The head of a picture, as a file and in memory."""

import numpy as np
import pytest
from PIL import Image

from numpy_vitmatte.images.header import StoredForm, stored_form

PIXELS = np.zeros((3, 5), np.uint8)


@pytest.mark.parametrize(
    ("suffix", "mode", "file_format"), [("png", "P", "PNG"), ("jpg", "L", "JPEG"), ("tiff", "F", "TIFF")]
)
@pytest.mark.parametrize(("written", "orientation"), [(None, 1), (1, 1), (3, 3), (0, 1), (9, 1)])
def test_files(tmp_path, suffix, mode, file_format, written, orientation):
    exif = Image.Exif()
    if written is not None:
        exif[274] = written
    path = tmp_path / f"picture.{suffix}"
    Image.fromarray(PIXELS).convert(mode).save(path, exif=exif)
    expected = StoredForm(file_format, mode, 3, 5, orientation)
    assert stored_form(path) == stored_form(str(path)) == expected
    with Image.open(path) as image:
        assert stored_form(image) == expected


def test_a_picture_made_in_memory():
    assert stored_form(Image.fromarray(PIXELS)) == StoredForm(None, "L", 3, 5, 1)
