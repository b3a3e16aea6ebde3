"""The batches of a run: always the same ones, and each of them worth a step."""

from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.teaching import hairy_picture
from numpy_vitmatte.training.finetuning.material import Material
from numpy_vitmatte.training.finetuning.samples import draw_batch
from numpy_vitmatte.training.finetuning.settings import Settings

SIDE = 64


def material(folders, **options):
    given = {name: folders / name for name in ("trimaps", "backgrounds") if options.pop(name, False)}
    return Material(Settings(folders / "photos", folders / "alphas", crop=SIDE, **given, **options))


@pytest.mark.parametrize("options", [{}, {"trimaps": True}, {"backgrounds": True}], ids=str)
def test_a_batch_depends_on_its_number_alone(folders, options):
    first, later = material(folders, **options), material(folders, **options)
    draw_batch(first, 6, 2, SIDE, seed=1)
    one, same = (draw_batch(each, 7, 2, SIDE, seed=1) for each in (first, later))
    for field, other in zip(one, same, strict=True):
        np.testing.assert_array_equal(field, other)
    other = draw_batch(later, 8, 2, SIDE, seed=1)
    assert np.any(one.alphas != other.alphas)
    assert one.alphas.shape == (2, 1, SIDE, SIDE)
    assert one.alphas.dtype == np.float32


@pytest.mark.parametrize("trimaps", [False, True])
def test_every_square_has_unknown_pixels(folders, trimaps):
    """And what its trimap knows is so."""
    pictures = material(folders, trimaps=trimaps)
    for step in range(10):
        batch = draw_batch(pictures, step, 3, SIDE, seed=2)
        for trimap, alpha in zip(batch.trimaps, batch.alphas[:, 0], strict=True):
            assert (trimap == 128).any()
            assert np.all(alpha[trimap == 255] == 1)
            assert np.all(alpha[trimap == 0] == 0)


def test_pictures_take_turns(folders):
    """Each is taken once before one is taken again, and what is held back never is."""
    pictures, seen = material(folders, validate=0.4), []
    pictures.check()
    pictures.__class__ = type("Watched", (Material,), {"__getitem__": lambda self, n: seen.append(n) or self._kept[n]})
    for step in range(4):
        draw_batch(pictures, step, 3, SIDE, seed=3)
    turns = [sorted(seen[start : start + 3]) for start in range(0, 12, 3)]
    assert turns == [pictures.training] * 4
    assert sorted(chain(pictures.training, pictures.held_back)) == list(range(5))
    assert len(pictures.held_back) == 2


def test_composites_follow_the_matting_equation(tmp_path, folders):
    """A white foreground over black: the photo is the alpha, to half a level."""
    from PIL import Image

    for name, level in (("photos", 255), ("backgrounds", 0)):
        (tmp_path / name).mkdir()
        Image.fromarray(np.full((96, 96, 3), level, np.uint8)).save(tmp_path / name / "0.png")
    (tmp_path / "alphas").mkdir()
    np.save(tmp_path / "alphas" / "0.npy", hairy_picture(0, 96).alpha)
    pictures = Material(
        Settings(tmp_path / "photos", tmp_path / "alphas", backgrounds=tmp_path / "backgrounds", crop=SIDE, validate=0)
    )
    batch = draw_batch(pictures, 0, 2, SIDE, seed=1)
    for photo, alpha in zip(batch.photos, batch.alphas[:, 0], strict=True):
        assert np.abs(photo - 255 * alpha[..., None]).max() <= 0.5 + 1e-4


def test_a_single_picture_cannot_be_held_back(tmp_path, folders):
    for name in ("photos", "alphas"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "000.png").write_bytes((folders / name / "000.png").read_bytes())
    with pytest.raises(VitMatteError, match="give validate=0"):
        Material(Settings(tmp_path / "photos", tmp_path / "alphas"))
    assert Material(Settings(tmp_path / "photos", tmp_path / "alphas", validate=0)).training == [0]
    assert isinstance(Settings(Path("a"), Path("b")).steps, int)
