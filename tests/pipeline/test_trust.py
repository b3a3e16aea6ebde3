"""Alpha and trust map together: the alpha is the main job's, the map sees what is wrong with a trimap."""

import numpy as np
import pytest
from PIL import Image
from support.matting_job import KNOWN, PHOTO, TRIMAP

from numpy_vitmatte.cli.demo import bundled_photo
from numpy_vitmatte.pipeline.photo_to_alpha import matte
from numpy_vitmatte.pipeline.trust import matte_with_trust
from numpy_vitmatte.trimaps.reading import read_trimap


def test_two_runs_by_hand(lively_checkpoint):
    result, trust = matte_with_trust(PHOTO, TRIMAP, lively_checkpoint)
    raw = matte(PHOTO, TRIMAP, lively_checkpoint, raw=True)
    mirrored = matte(PHOTO[:, ::-1], TRIMAP[:, ::-1], lively_checkpoint, raw=True)[:, ::-1]
    np.testing.assert_array_equal(result.alpha, matte(PHOTO, TRIMAP, lively_checkpoint))
    np.testing.assert_array_equal(trust.contradiction[KNOWN], np.abs(raw - TRIMAP / np.float32(255))[KNOWN])
    np.testing.assert_array_equal(trust.disagreement[~KNOWN], np.abs(raw - mirrored)[~KNOWN])
    assert trust.contradiction[KNOWN].max() > 0.1
    assert trust.disagreement[~KNOWN].max() > 0.1


def test_raw_and_the_other_options_go_through(lively_checkpoint):
    result, trust = matte_with_trust(PHOTO, TRIMAP, lively_checkpoint, raw=True, profile="hustvl")
    np.testing.assert_array_equal(result.alpha, matte(PHOTO, TRIMAP, lively_checkpoint, raw=True, profile="hustvl"))
    assert np.abs(trust.disagreement - matte_with_trust(PHOTO, TRIMAP, lively_checkpoint)[1].disagreement).max() > 1e-3


def test_every_form_of_one_photo_has_one_map(lively_checkpoint, tmp_path):
    """The source is mirrored, with its orientation and its scale: a photo all but black stays on the scale it has."""
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.fromarray(np.rot90(PHOTO, -1).copy()).save(tmp_path / "photo.png", exif=exif)
    expected = matte_with_trust(PHOTO, TRIMAP, lively_checkpoint)[1]
    path = tmp_path / "photo.png"
    for photo in (path, str(path), Image.fromarray(PHOTO), PHOTO.transpose(2, 0, 1)):
        trust = matte_with_trust(photo, TRIMAP, lively_checkpoint)[1]
        np.testing.assert_array_equal(trust.disagreement, expected.disagreement)
    dark = PHOTO.astype(np.uint16)
    dark[0, 0] = 300  # 16 bits, at most 300 of 65535: as levels it would be on no scale
    with pytest.warns(UserWarning, match="rescaled to black"):
        assert matte_with_trust(dark, TRIMAP, lively_checkpoint, depth=16)[1].disagreement.any()


def test_a_trimap_without_unknown_pixels_can_be_contradicted(lively_checkpoint):
    result, trust = matte_with_trust(PHOTO, np.where(TRIMAP > 0, 255, 0), lively_checkpoint)
    assert set(np.unique(result.alpha)) == {0, 1}
    assert not trust.disagreement.any()
    assert trust.contradiction.max() > 0.1


@pytest.fixture(scope="module")
def demo_trust():
    """The map of the demo photo with its own trimap."""
    return matte_with_trust(*bundled_photo())[1]


@pytest.mark.parametrize(("patch", "claimed"), [((slice(330, 400), slice(60, 100)), 0), ((slice(60, 110),) * 2, 255)])
def test_a_wrong_patch_in_the_demo_trimap_is_outlined(patch, claimed, demo_trust):
    """A piece of the suit drawn as background, a piece of the wall as foreground: the bundled network objects there."""
    photo, path = bundled_photo()
    trimap, _ = read_trimap(path)
    assert (trimap[patch] == 255 - claimed).all()
    trimap[patch] = claimed
    _, trust = matte_with_trust(photo, trimap)
    wrong = trust.contradiction > 0.5
    inside = np.zeros_like(wrong)
    inside[patch] = True
    near = np.zeros_like(wrong)
    near[tuple(slice(side.start - 10, side.stop + 10) for side in patch)] = True
    before = demo_trust.contradiction > 0.5
    assert np.count_nonzero(wrong & near) > 100 + 10 * np.count_nonzero(before & near)
    assert np.count_nonzero(wrong & ~near & ~before) < 20
