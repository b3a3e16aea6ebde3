"""The image processor: transformers' numbers, and clear answers where transformers has none."""

import json

import numpy as np
import pytest
from PIL import Image

from numpy_vitmatte.errors import CheckpointError, ConfigurationError, ImageError
from numpy_vitmatte.processing import PREPROCESSOR_FILE, VitMatteImageProcessor
from numpy_vitmatte.processing.settings import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD


@pytest.fixture
def photo():
    return np.random.default_rng(1).integers(0, 256, (20, 37, 3), dtype=np.uint8)


@pytest.fixture
def trimap():
    return np.random.default_rng(2).choice(np.array([0, 128, 255], np.uint8), (20, 37))


# Worked by hand ---------------------------------------------------------------------------------------------------


def test_values_worked_by_hand():
    photo = np.array([[[255, 0, 51]]], np.uint8)  # 1, 0, 0.2
    trimap = np.array([[128]], np.uint8)
    pixels = VitMatteImageProcessor(size_divisor=2)(photo, trimap, input_data_format="channels_last")["pixel_values"]
    expected = np.zeros((1, 4, 2, 2), np.float32)
    expected[0, :, 0, 0] = [1, -1, -0.6, 128 / 255]
    np.testing.assert_allclose(pixels, expected, rtol=0, atol=1e-7)


def test_imagenet_statistics_by_hand():
    """The authors' normalization, (1 - 0.485) / 0.229 and so on."""
    white = np.full((3, 2, 2), 255, np.uint8)
    processor = VitMatteImageProcessor(image_mean=IMAGENET_DEFAULT_MEAN, image_std=IMAGENET_DEFAULT_STD, do_pad=False)
    pixels = processor(white, np.full((2, 2), 255, np.uint8)).pixel_values
    np.testing.assert_allclose(pixels[0, :, 0, 0], [2.2489083, 2.4285715, 2.64, 1], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("size", "padded"), [((32, 64), (32, 64)), ((33, 64), (64, 64)), ((1, 1), (32, 32)), ((64, 63), (64, 64))]
)
def test_padding_is_per_axis_zero_and_at_the_end(size, padded):
    """An aligned axis gets no padding, another is rounded up; padding comes after normalization."""
    photo, trimap = np.zeros((*size, 3), np.uint8), np.full(size, 255, np.uint8)
    pixels = VitMatteImageProcessor()(photo, trimap, input_data_format="channels_last").pixel_values[0]
    assert pixels.shape == (4, *padded)
    inside = np.zeros(padded, bool)
    inside[: size[0], : size[1]] = True
    assert (pixels[:3, inside] == -1).all()
    assert (pixels[3, inside] == 1).all()
    assert (pixels[:, ~inside] == 0).all()


# Kinds of input -------------------------------------------------------------------------------------------------------


def test_layouts_types_and_batches_of_one_photo_give_the_same_pixels(photo, trimap):
    """The trimap is the last channel whatever the photo's layout."""
    processor = VitMatteImageProcessor()
    expected = np.zeros((4, 32, 64))
    expected[:3, :20, :37] = photo.transpose(2, 0, 1) / 127.5 - 1
    expected[3, :20, :37] = trimap / 255
    for same in (
        photo,
        photo.transpose(2, 0, 1),
        photo.astype(np.float64),
        photo.astype(np.int32),
        Image.fromarray(photo),
    ):
        np.testing.assert_allclose(processor(same, trimap).pixel_values, [expected], rtol=0, atol=1e-6)
    for photos, trimaps in [([photo, photo], [trimap, trimap]), (np.stack([photo] * 2), np.stack([trimap] * 2))]:
        np.testing.assert_allclose(processor(photos, trimaps).pixel_values, [expected] * 2, rtol=0, atol=1e-6)


@pytest.mark.filterwarnings("ignore:trimap enters the network with values up to 255")  # without rescaling it does
@pytest.mark.parametrize(
    "settings", [{}, {"do_normalize": False}, {"do_rescale": False}, {"image_std": [0.2, 0.3, 0.4]}]
)
def test_levels_of_8_bits_are_looked_up_to_the_same_bits(photo, trimap, settings):
    """Whatever their layout, and where they may not be written; other integers go through the arithmetic itself."""
    processor = VitMatteImageProcessor(**settings)
    expected = processor(photo.astype(np.int32), trimap.astype(np.int32)).pixel_values
    locked = photo.copy()
    locked.flags.writeable = False
    for same in (photo, locked, photo.transpose(2, 0, 1).copy(), np.repeat(photo, 2, axis=0)[::2]):
        np.testing.assert_array_equal(processor(same, trimap).pixel_values, expected)


def test_sizes_that_differ_give_a_list_and_an_error_when_stacking_is_asked_for(photo, trimap):
    processor = VitMatteImageProcessor()
    photos, trimaps = [photo, photo[:, :17]], [trimap, trimap[:, :17]]
    assert [pixels.shape for pixels in processor(photos, trimaps).pixel_values] == [(4, 32, 64), (4, 32, 32)]
    with pytest.raises(ImageError, match="one size after padding"):
        processor(photos, trimaps, return_tensors="np")
    with pytest.raises(ConfigurationError, match=r"'np', or 'pt' where torch is installed, or None; found 'tf'"):
        processor(photo, trimap, return_tensors="tf")


def test_data_format_moves_the_channels(photo, trimap):
    first = VitMatteImageProcessor()(photo, trimap, data_format="channels_first").pixel_values
    last = VitMatteImageProcessor()(photo, trimap, data_format="channels_last").pixel_values
    assert last.shape == (1, 32, 64, 4)
    np.testing.assert_array_equal(last, first.transpose(0, 2, 3, 1))
    for argument in ("data_format", "input_data_format"):
        with pytest.raises(ConfigurationError, match="channels_first"):
            VitMatteImageProcessor()(photo, trimap, **{argument: "CHANNELS_LAST"})


def test_layout_that_could_be_either_is_channels_first_and_said(trimap):
    photo = np.random.default_rng(3).integers(0, 256, (3, 9, 3), dtype=np.uint8)
    with pytest.warns(UserWarning, match="channels taken as first"):
        guessed = VitMatteImageProcessor()(photo, trimap[:9, :3]).pixel_values
    told = VitMatteImageProcessor()(photo, trimap[:9, :3], input_data_format="channels_first").pixel_values
    np.testing.assert_array_equal(guessed, told)


def test_both_names_of_the_divisor_and_none_for_as_before(photo, trimap):
    assert VitMatteImageProcessor(size_divisibility=64).size_divisor == 64
    assert VitMatteImageProcessor(size_divisibility=64, size_divisor=16).size_divisor == 16
    processor = VitMatteImageProcessor(size_divisor=16, do_rescale=None)
    assert processor.do_rescale is True
    assert processor(photo, trimap, size_divisor=None).pixel_values.shape == (1, 4, 32, 48)
    assert processor(photo, trimap, size_divisibility=64).pixel_values.shape == (1, 4, 64, 64)
    assert processor.size_divisor == 16


def test_path_orientation_and_channel_last_trimap(photo, trimap, tmp_path):
    upright = VitMatteImageProcessor()(photo, trimap).pixel_values
    exif = Image.Exif()
    exif[274] = 6  # the camera was turned: rotate by 270 degrees to see it upright
    Image.fromarray(np.rot90(photo)).save(tmp_path / "photo.png", exif=exif)
    Image.fromarray(np.rot90(trimap)).save(tmp_path / "trimap.png", exif=exif)
    turned = VitMatteImageProcessor()(str(tmp_path / "photo.png"), Image.open(tmp_path / "trimap.png")).pixel_values
    np.testing.assert_array_equal(turned, upright)
    np.testing.assert_array_equal(VitMatteImageProcessor()(photo, trimap[..., None]).pixel_values, upright)
    gray_rgb = Image.fromarray(trimap).convert("RGBA")
    np.testing.assert_array_equal(VitMatteImageProcessor()(photo, gray_rgb).pixel_values, upright)


@pytest.mark.parametrize(
    ("value", "settings", "enters_as", "message"),
    [
        (1.0, {}, 1 / 255, "nothing but background"),
        (1, {}, 1 / 255, "nothing but background"),
        (255, {"do_rescale": False}, 255, "values up to 255 instead of 1"),
    ],
)
def test_trimaps_on_the_wrong_scale_are_taken_as_they_are_and_warned_of(photo, value, settings, enters_as, message):
    """One do_rescale for photo and trimap, as in transformers."""
    with pytest.warns(UserWarning, match=message):
        pixels = VitMatteImageProcessor()(photo, np.full((20, 37), value), **settings).pixel_values
    np.testing.assert_allclose(pixels[0, 3, :20, :37], enters_as, rtol=1e-6)


def test_photo_in_unit_range_that_would_become_black_is_warned_of(photo, trimap):
    with pytest.warns(UserWarning, match="photo goes up to 1 and is rescaled to black"):
        VitMatteImageProcessor()(photo / photo.max(), trimap)


def test_palette_whose_indices_are_not_its_grays_is_warned_of(photo, trimap):
    palette = Image.fromarray((trimap // 128).astype(np.uint8), "L").convert("P")
    palette.putpalette([0, 0, 0, 255, 255, 255] + [0] * 762)
    with (
        pytest.warns(UserWarning, match="its indices are taken"),
        pytest.warns(UserWarning, match="nothing but background"),
    ):
        VitMatteImageProcessor()(photo, palette)


@pytest.mark.parametrize(
    ("photo_shape", "trimap_shape", "message"),
    [
        ((8, 9, 2), (8, 9), "1, 3 or 4 channels"),
        ((8, 9, 5), (8, 9), "1, 3 or 4 channels"),
        ((8, 9, 3), (9, 8), "turned by 90 degrees"),
        ((8, 9, 3), (8, 10), "expected the same size"),
        ((8, 9, 3), (8, 9, 3), "expected as many trimaps|one number per pixel"),
        ((0, 9, 3), (0, 9), "empty"),
        ((2, 8, 9, 3), (8, 9), "2 photos and 1 trimaps"),
    ],
)
def test_shapes_that_do_not_fit(photo_shape, trimap_shape, message):
    with pytest.raises(ImageError, match=message):
        VitMatteImageProcessor()(np.zeros(photo_shape, np.uint8), np.zeros(trimap_shape, np.uint8))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite(photo, trimap, value):
    bad_photo, bad_trimap = photo.astype(np.float32), trimap.astype(np.float32)
    bad_photo[3, 4, 1] = bad_trimap[5, 6] = value
    with pytest.raises(ImageError, match="photo holds 1 NaN or infinite"):
        VitMatteImageProcessor()(bad_photo, trimap)
    with pytest.raises(ImageError, match="trimap holds 1 NaN or infinite"):
        VitMatteImageProcessor()(photo, bad_trimap)


def test_colored_trimap_empty_list_and_strangers(photo, trimap):
    processor = VitMatteImageProcessor()
    with pytest.raises(ImageError, match="trimap has colors"):
        processor(photo, Image.fromarray(photo))
    with pytest.raises(ImageError, match="the list is empty"):
        processor([], [])
    with pytest.raises(ImageError, match="is a int; expected"):
        processor(3, trimap)


@pytest.mark.parametrize(
    "setting",
    [
        {"do_pad": 1},
        {"size_divisor": 0},
        {"size_divisor": 32.0},
        {"rescale_factor": float("nan")},
        {"image_mean": (0.5, 0.5)},
        {"image_mean": "half"},
        {"image_std": 0.0},
        {"image_std": (0.5, 0.5, -1.0)},
    ],
    ids=str,
)
def test_settings_that_are_not_of_their_kind(photo, trimap, setting):
    (name,) = setting
    with pytest.raises(ConfigurationError, match=name):
        VitMatteImageProcessor(**setting)
    with pytest.raises(ConfigurationError, match=name):
        VitMatteImageProcessor()(photo, trimap, **setting)


# The file -----------------------------------------------------------------------------------------------------------


def test_unknown_keys_survive_a_round_trip(tmp_path):
    written = {
        "image_processor_type": "VitMatteImageProcessor",
        "size_divisibility": 32,
        "image_mean": [0.1, 0.2, 0.3],
        "x": {"y": 1},
    }
    (tmp_path / PREPROCESSOR_FILE).write_text(json.dumps(written))
    processor = VitMatteImageProcessor.from_pretrained(tmp_path, do_pad=False)
    processor.save_pretrained(tmp_path / "copy")
    copied = json.loads((tmp_path / "copy" / PREPROCESSOR_FILE).read_text())
    assert copied == processor.to_dict()
    assert copied["x"] == {"y": 1}
    assert copied["image_mean"] == [0.1, 0.2, 0.3]
    assert copied["size_divisor"] == 32
    assert copied["do_pad"] is False
    assert VitMatteImageProcessor.from_pretrained(tmp_path / "copy" / PREPROCESSOR_FILE).to_dict() == copied


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"{", "not JSON"),
        (b"[1]", "must hold a JSON object"),
        (b'{"image_mean": "\xff"}', "not UTF-8"),
        (
            b'{"image_processor_type": "ViTImageProcessor"}',
            "image_processor_type is 'ViTImageProcessor', expected a VitMatteImageProcessor",
        ),
        (b'{"size_divisor": "big"}', "size_divisor"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, content, message):
    if content is not None:
        (tmp_path / PREPROCESSOR_FILE).write_bytes(content)
    with pytest.raises(ConfigurationError, match=message) as caught:
        VitMatteImageProcessor.from_pretrained(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_checkpoint_that_does_not_exist():
    with pytest.raises(CheckpointError):
        VitMatteImageProcessor.from_pretrained("no-such-checkpoint")


def test_file_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        VitMatteImageProcessor().save_pretrained(tmp_path / "file")


# The way back -------------------------------------------------------------------------------------------------------


def test_alphas_are_cropped_to_the_photos_sizes():
    alphas = np.arange(2 * 4 * 6, dtype=np.float32).reshape(2, 1, 4, 6)
    first, second = VitMatteImageProcessor().post_process_alphas(alphas, [(3, 5), (4, 6)])
    assert first.tolist() == [[0, 1, 2, 3, 4], [6, 7, 8, 9, 10], [12, 13, 14, 15, 16]]
    np.testing.assert_array_equal(second, alphas[1, 0])
    assert first.base is None


@pytest.mark.parametrize(
    ("shape", "sizes"),
    [((2, 1, 4, 6), [(4, 6)]), ((1, 1, 4, 6), [(5, 6)]), ((1, 4, 6), [(4, 6)]), ((1, 1, 4, 6), [(0, 6)])],
)
def test_crops_that_do_not_fit(shape, sizes):
    with pytest.raises(ImageError):
        VitMatteImageProcessor().post_process_alphas(np.zeros(shape), sizes)


def test_result_is_a_mapping_with_attributes(photo, trimap):
    inputs = VitMatteImageProcessor().preprocess(images=photo, trimaps=trimap)
    assert {**inputs}["pixel_values"] is inputs.pixel_values
    with pytest.raises(AttributeError, match="labels"):
        _ = inputs.labels
