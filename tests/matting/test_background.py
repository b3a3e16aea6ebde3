"""Backgrounds: colors by name, pictures scaled both ways, checks; and what is none of them."""

import numpy as np
import pytest
from PIL import Image

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.matting.background import checkerboard, cover_frame, fit_frame, read_background

STRIPES = np.repeat(np.array([[10, 20, 30], [200, 100, 0]], np.uint8), [4, 4], axis=0)[None].repeat(4, axis=0)
"""(4, 8, 3): the left half one color, the right half another."""


def test_checkerboard():
    assert checkerboard(3, 5, square=2)[..., 0].tolist() == [
        [153, 153, 102, 102, 153],
        [153, 153, 102, 102, 153],
        [102, 102, 153, 153, 102],
    ]
    np.testing.assert_array_equal(read_background("checkerboard")(40, 30), checkerboard(40, 30))


@pytest.mark.parametrize(
    ("name", "color"),
    [
        ("white", [255, 255, 255]),
        ("#1e90ff", [30, 144, 255]),
        ("rgb(1, 2, 3)", [1, 2, 3]),
        ("#01020380", [1, 2, 3]),
        (f"rgb({'9' * 60}, 300, 7)", [255, 255, 7]),
    ],
)
def test_colors(name, color):
    picture = read_background(name)(2, 3)
    assert (picture.shape, picture.dtype) == ((2, 3, 3), np.uint8)
    assert (picture == color).all()


def test_cover_cuts_the_middle_out():
    """A picture twice as wide as the square frame keeps its middle half: two columns of each color."""
    picture = cover_frame(STRIPES, 4, 4)
    np.testing.assert_array_equal(picture, STRIPES[:, 2:6])
    assert cover_frame(STRIPES, 9, 5).shape == (9, 5, 3)


def test_fit_leaves_bars_above_and_below():
    """Scaled by 1/2 to 2 x 4 in a square of 4: a row of bars on each side of it."""
    picture = fit_frame(STRIPES, 4, 4, fill=(1, 2, 3))
    assert (picture[[0, 3]] == [1, 2, 3]).all()
    assert np.abs(picture[1:3, 0] - [10.0, 20, 30]).max() <= 6  # Lanczos rings a little beside the border
    assert np.abs(picture[1:3, 3] - [200.0, 100, 0]).max() <= 6
    assert (fit_frame(STRIPES, 4, 4)[0] == 0).all()


@pytest.mark.parametrize(("fit", "corner"), [("cover", 10), ("fit", 0)])
def test_pictures_from_files_and_arrays(tmp_path, fit, corner):
    Image.fromarray(STRIPES).save(tmp_path / "stripes.png")
    for source in (tmp_path / "stripes.png", str(tmp_path / "stripes.png"), STRIPES, STRIPES / 255):
        picture = read_background(source, fit)(8, 8)
        assert picture.shape == (8, 8, 3)
        assert abs(int(picture[0, 0, 0]) - corner) <= 6


def test_a_file_named_like_a_color_needs_its_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(STRIPES).save("white", "PNG")
    assert (read_background("white")(4, 8) == 255).all()
    np.testing.assert_array_equal(read_background("./white")(4, 8), STRIPES)


def test_what_is_no_background(tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(ImageError, match=r"background 'beach.jpg' is no file, no color .* and not 'checkerboard'"):
        read_background("beach.jpg")
    with pytest.raises(ImageError, match=r"background '.*notes\.txt' is not an image"):
        read_background(str(tmp_path / "notes.txt"))
    with pytest.raises(ImageError, match="fit is 'stretch'; expected 'cover' or 'fit'"):
        read_background(STRIPES, "stretch")
