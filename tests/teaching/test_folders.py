"""Pictures in folders are those of ``hairy_picture``."""

import numpy as np
from PIL import Image

from numpy_vitmatte.images.alpha_files import read_alpha
from numpy_vitmatte.teaching import hairy_picture, write_pictures


def test_files_hold_what_was_drawn(tmp_path):
    write_pictures(tmp_path / "toys", 2, 40)
    assert sorted(path.name for path in (tmp_path / "toys").rglob("*.png")) == ["000.png"] * 3 + ["001.png"] * 3
    toy = hairy_picture(1, 40)
    with Image.open(tmp_path / "toys/photos/001.png") as photo, Image.open(tmp_path / "toys/trimaps/001.png") as trimap:
        np.testing.assert_array_equal(photo, toy.photo)
        np.testing.assert_array_equal(trimap, toy.trimap)
    # Half a level of 16 bits, and the rounding of float32.
    assert np.abs(read_alpha(tmp_path / "toys/alphas/001.png") - toy.alpha).max() <= 0.5 / 65535 + 1e-7
