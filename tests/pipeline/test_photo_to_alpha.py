"""The main job in Python: what goes into the network, what is done with its answer, and which errors come."""

import shutil

import numpy as np
import pytest
from PIL import Image
from support.bad_images import BAD_FILES, make_bad_file
from support.matting_job import KNOWN, PHOTO, TRIMAP

from numpy_vitmatte.batch.job import FolderOptions, check_options
from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.errors import CheckpointError, ConfigurationError, ImageError, VitMatteError
from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.pipeline.estimate import estimate_memory
from numpy_vitmatte.pipeline.loaded_checkpoint import load_checkpoint
from numpy_vitmatte.pipeline.photo_to_alpha import matte, matte_with_report
from numpy_vitmatte.processing import PREPROCESSOR_FILE, VitMatteImageProcessor


@pytest.fixture(scope="module")
def by_hand(lively_checkpoint):
    """The network's answer with every step around it written out."""
    pixels = np.zeros((1, 4, 64, 96), np.float32)
    pixels[0, :3, :50, :71] = (PHOTO.transpose(2, 0, 1) / 255 - 0.5) / 0.5
    pixels[0, 3, :50, :71] = TRIMAP / 255
    alpha = VitMatteForImageMatting.from_pretrained(lively_checkpoint)(pixels).alphas[0, 0, :50, :71]
    assert alpha.std() > 0.05  # otherwise nothing below could fail
    return alpha


def test_raw_alpha_is_the_networks_own(lively_checkpoint, by_hand):
    alpha = matte(PHOTO, TRIMAP, lively_checkpoint, raw=True)
    assert alpha.dtype == np.float32
    np.testing.assert_allclose(alpha, by_hand, rtol=0, atol=1e-5)


def test_known_pixels_are_exactly_zero_and_one(lively_checkpoint, by_hand):
    """The network's values stand in the unknown region alone."""
    alpha = matte(PHOTO, TRIMAP, lively_checkpoint)
    assert (alpha[TRIMAP == 0] == 0).all()
    assert (alpha[TRIMAP == 255] == 1).all()
    np.testing.assert_allclose(alpha[~KNOWN], by_hand[~KNOWN], rtol=0, atol=1e-5)
    assert alpha.min() >= 0
    assert alpha.max() <= 1


def test_paths_images_arrays_and_loaded_models_are_the_same_job(lively_checkpoint, tmp_path):
    Image.fromarray(PHOTO).save(tmp_path / "photo.png")
    Image.fromarray(TRIMAP).save(tmp_path / "trimap.png")
    expected = matte(PHOTO, TRIMAP, lively_checkpoint)
    model = VitMatteForImageMatting.from_pretrained(lively_checkpoint)
    for image, trimap, checkpoint in [
        (tmp_path / "photo.png", str(tmp_path / "trimap.png"), str(lively_checkpoint)),
        (Image.open(tmp_path / "photo.png"), Image.open(tmp_path / "trimap.png"), model),
        (PHOTO / 255, TRIMAP / 255, model),
        (PHOTO.transpose(2, 0, 1), TRIMAP.astype(np.uint16) * 257, model),
    ]:
        np.testing.assert_allclose(matte(image, trimap, checkpoint), expected, rtol=0, atol=1e-6)


def test_photo_and_trimap_turned_by_exif_give_an_upright_alpha(lively_checkpoint, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.fromarray(np.rot90(PHOTO, -1).copy()).save(tmp_path / "photo.png", exif=exif)
    alpha = matte(tmp_path / "photo.png", TRIMAP, lively_checkpoint)
    np.testing.assert_array_equal(alpha, matte(PHOTO, TRIMAP, lively_checkpoint))


def test_processor_comes_from_the_checkpoint_unless_given(lively_checkpoint, tmp_path):
    """The mean and std beside the weights decide, however the model is given."""
    folder = tmp_path / "other-statistics"
    shutil.copytree(lively_checkpoint, folder)
    other = VitMatteImageProcessor(image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])
    other.save_pretrained(folder)
    from_folder = matte(PHOTO, TRIMAP, folder, raw=True)
    assert np.abs(from_folder - matte(PHOTO, TRIMAP, lively_checkpoint, raw=True)).max() > 0.01
    for model, processor in [
        (lively_checkpoint, other),
        (VitMatteForImageMatting.from_pretrained(lively_checkpoint), other),
        (VitMatteForImageMatting.from_pretrained(folder), None),
    ]:
        np.testing.assert_array_equal(matte(PHOTO, TRIMAP, model, processor=processor, raw=True), from_folder)


def test_profile_of_the_authors_by_hand(lively_checkpoint):
    """ImageNet's statistics, unknown 0.5, 50 x 71 padded to 64 x 96 as by anyone."""
    pixels = np.zeros((1, 4, 64, 96), np.float32)
    photo = (PHOTO / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    pixels[0, :3, :50, :71] = photo.transpose(2, 0, 1)
    pixels[0, 3, :50, :71] = np.where(KNOWN, TRIMAP / 255, 0.5)
    model = VitMatteForImageMatting.from_pretrained(lively_checkpoint)
    expected = model(pixels).alphas[0, 0, :50, :71]
    for given in (lively_checkpoint, model):
        alpha = matte(PHOTO, TRIMAP, given, profile="hustvl", raw=True)
        np.testing.assert_allclose(alpha, expected, rtol=0, atol=1e-5)
    assert np.abs(expected - matte(PHOTO, TRIMAP, model, raw=True)).max() > 0.01


def test_profiles_that_are_none(lively_checkpoint):
    with pytest.raises(ConfigurationError, match="profile is 'HF'; expected 'hf' or 'hustvl'"):
        matte(PHOTO, TRIMAP, lively_checkpoint, profile="HF")
    with pytest.raises(ConfigurationError, match="give one or the other"):
        matte(PHOTO, TRIMAP, lively_checkpoint, profile="hustvl", processor=VitMatteImageProcessor())


def test_a_loaded_models_processor_is_read_once(lively_checkpoint, tmp_path):
    """With the first photo; what becomes of the file later is as little to it as to the weights."""
    folder = shutil.copytree(lively_checkpoint, tmp_path / "folder")
    model = VitMatteForImageMatting.from_pretrained(folder)
    first = matte(PHOTO, TRIMAP, model)
    (folder / PREPROCESSOR_FILE).unlink()
    np.testing.assert_array_equal(matte(PHOTO, TRIMAP, model), first)


def test_a_photo_that_needs_no_padding(lively_checkpoint):
    """As through the processor and the model."""
    photo, trimap = np.tile(PHOTO, (2, 2, 1))[:64, :96], np.tile(TRIMAP, (2, 2))[:64, :96]
    model, processor = (
        kind.from_pretrained(lively_checkpoint) for kind in (VitMatteForImageMatting, VitMatteImageProcessor)
    )
    expected = model(**processor(images=photo, trimaps=trimap)).alphas[0, 0]
    np.testing.assert_array_equal(matte(photo, trimap, model, raw=True), expected)


def test_a_model_without_a_checkpoint_takes_the_default_processor(lively_checkpoint, by_hand):
    model = VitMatteForImageMatting.from_config(VitMatteConfig.from_pretrained(lively_checkpoint))
    np.testing.assert_allclose(matte(PHOTO, TRIMAP, model, raw=True), by_hand, rtol=0, atol=1e-5)


def test_without_unknown_pixels_the_alpha_is_the_trimap(lively_checkpoint):
    mask = TRIMAP > 0
    result = matte_with_report(PHOTO, mask, lively_checkpoint)
    np.testing.assert_array_equal(result.alpha, mask.astype(np.float32))
    assert result.alpha.dtype == np.float32
    assert "the alpha is the trimap itself" in result.report.warnings[0]
    raw = matte(PHOTO, mask, lively_checkpoint, raw=True)
    assert 0 < raw[0, 0] < 1


def test_all_unknown_works_and_is_explained(lively_checkpoint):
    result = matte_with_report(PHOTO, np.full((50, 71), 128, np.uint8), lively_checkpoint)
    assert result.alpha.std() > 0.01
    assert len(result.report.warnings) == 2


def test_result_holds_what_the_alpha_was_made_of(lively_checkpoint):
    result = matte_with_report(PHOTO, TRIMAP / 255, lively_checkpoint)
    np.testing.assert_array_equal(result.photo, PHOTO)
    np.testing.assert_array_equal(result.trimap, TRIMAP)
    assert result.report.unknown == pytest.approx(31 / 71)


# Errors -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BAD_FILES)
@pytest.mark.parametrize("role", ["photo", "trimap"])
def test_bad_files(name, role, tmp_path, lively_checkpoint):
    path = make_bad_file(tmp_path, name)
    pair = (path, TRIMAP) if role == "photo" else (PHOTO, path)
    with pytest.raises(VitMatteError) as caught:
        matte(*pair, lively_checkpoint)
    assert str(caught.value).startswith(f"{role} '{path}'")
    assert BAD_FILES[name][1] in str(caught.value)


@pytest.mark.parametrize(
    ("photo", "trimap", "message"),
    [
        (PHOTO, TRIMAP[:-1], "photo is 71 x 50 pixels .* its trimap 71 x 49; expected the same size"),
        (PHOTO, TRIMAP.T, "turned by 90 degrees"),
        (PHOTO[:0], TRIMAP, "photo is empty"),
        (PHOTO, TRIMAP[:, :0], "trimap is empty"),
        (PHOTO[..., :2], TRIMAP, "photo has shape"),
        (np.where(KNOWN[..., None], PHOTO, np.nan), TRIMAP, "photo holds 4650 NaN"),
        (PHOTO, np.where(KNOWN, TRIMAP, np.inf), "trimap holds 1550 NaN or infinite"),
        (TRIMAP, PHOTO, "Were photo and trimap exchanged"),
        (None, TRIMAP, "photo is a NoneType"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_arrays(photo, trimap, message, lively_checkpoint):
    with pytest.raises(ImageError, match=message):
        matte(photo, trimap, lively_checkpoint)


def test_models_that_are_none(lively_checkpoint, tmp_path):
    with pytest.raises(CheckpointError, match="neither a bundled checkpoint"):
        matte(PHOTO, TRIMAP, "no-such-model")
    with pytest.raises(VitMatteError, match="model is a int"):
        matte(PHOTO, TRIMAP, 3)


def test_a_checkpoint_without_settings_takes_the_defaults(lively_checkpoint, tmp_path):
    """What ``model.save_pretrained`` alone has written; the authors' profile needs no file."""
    bare = tmp_path / "bare"
    VitMatteForImageMatting.from_pretrained(lively_checkpoint).save_pretrained(bare)
    expected = matte(PHOTO, TRIMAP, lively_checkpoint)
    for model in (bare, VitMatteForImageMatting.from_pretrained(bare)):
        with pytest.warns(UserWarning, match=r"bare/preprocessor_config\.json is not there.*'hf'.*'hustvl'"):
            np.testing.assert_array_equal(matte(PHOTO, TRIMAP, model), expected)
        np.testing.assert_array_equal(matte(PHOTO, TRIMAP, model), expected)  # said once for each that was loaded


def test_a_stated_profile_needs_no_settings_and_no_warning(lively_checkpoint, tmp_path, recwarn):
    bare = tmp_path / "bare"
    VitMatteForImageMatting.from_pretrained(lively_checkpoint).save_pretrained(bare)
    expected = matte(PHOTO, TRIMAP, lively_checkpoint, profile="hustvl")
    for model in (bare, VitMatteForImageMatting.from_pretrained(bare)):
        np.testing.assert_array_equal(matte(PHOTO, TRIMAP, model, profile="hustvl"), expected)
    estimate_memory(*TRIMAP.shape, bare, profile="hustvl")
    check_options(FolderOptions(str(bare), {"profile": "hustvl"}))
    assert [str(each.message) for each in recwarn] == []


def test_where_nothing_is_unknown_nothing_is_computed(lively_checkpoint):
    assert matte_with_report(PHOTO, np.full_like(TRIMAP, 255), lively_checkpoint).computed == (0.0, 0.0)


# The checkpoint kept in memory ----------------------------------------------------------------------------------------


def test_the_last_checkpoint_is_kept_until_its_files_change(lively_checkpoint, tmp_path):
    folder = tmp_path / "checkpoint"
    shutil.copytree(lively_checkpoint, folder)
    first = load_checkpoint(folder)
    assert load_checkpoint(str(folder)).model is first.model
    (tmp_path / "link").symlink_to(folder)
    assert load_checkpoint(tmp_path / "link").model is first.model
    VitMatteImageProcessor(size_divisor=64).save_pretrained(folder)
    assert load_checkpoint(folder).processor.size_divisor == 64
    assert load_checkpoint(lively_checkpoint).processor.size_divisor == 32
    assert load_checkpoint(folder).model is not first.model


def test_a_checkpoint_that_breaks_is_not_served_from_memory(lively_checkpoint, tmp_path):
    folder = tmp_path / "checkpoint"
    shutil.copytree(lively_checkpoint, folder)
    load_checkpoint(folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    for _ in range(2):
        with pytest.raises(CheckpointError):
            load_checkpoint(folder)
