"""EXIF turns a picture; XMP alone does not, in no kind of file."""

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from numpy_vitmatte.images.header import photo_header, stored_form
from numpy_vitmatte.images.photo_reading import read_photo

PIXELS = np.random.default_rng(2).integers(0, 256, (6, 9, 3), dtype=np.uint8)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


def saved(path, orientation=None):
    options = {} if path.suffix == ".png" else {"xmp": XMP}
    if path.suffix == ".png":
        text = PngInfo()
        text.add_itxt("XML:com.adobe.xmp", XMP.decode())
        options["pnginfo"] = text
    if path.suffix == ".tif":
        options = {"tiffinfo": {700: XMP}}
    if orientation:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif
    if path.suffix == ".webp":
        options["lossless"] = True
    Image.fromarray(PIXELS).save(path, **options)
    return path


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp"])
def test_xmp_alone_turns_nothing(name, tmp_path):
    path = saved(tmp_path / name)
    assert read_photo(path).shape == (6, 9, 3)
    assert photo_header(path)[:2] == (6, 9)
    with Image.open(path) as image:
        assert stored_form(image).orientation == 1
        assert read_photo(image).shape == (6, 9, 3)
        assert read_photo(image).shape == (6, 9, 3)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_exif_counts_whatever_xmp_says(name, tmp_path):
    path = saved(tmp_path / name, orientation=8)
    assert stored_form(path).orientation == 8
    photo = read_photo(path)
    assert photo.shape == (9, 6, 3)
    if name != "a.jpg":
        np.testing.assert_array_equal(photo, np.rot90(PIXELS))
