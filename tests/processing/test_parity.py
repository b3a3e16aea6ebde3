"""The image processor beside transformers' own, on the same inputs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from numpy_vitmatte.processing import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD, VitMatteImageProcessor

pytestmark = pytest.mark.parity

NEEDS = "the [parity] extra is not installed; test_processor.py has values worked by hand instead"
transformers_processor = pytest.importorskip(
    "transformers.models.vitmatte.image_processing_pil_vitmatte", reason=NEEDS
).VitMatteImageProcessorPil

# The tolerance; one float32 rounding of a normalized value (at most about 2.6) is 1.2e-7.
TOLERANCE = 2e-6

PHOTO = np.random.default_rng(1).integers(0, 256, (20, 37, 3), dtype=np.uint8)
TRIMAP = np.random.default_rng(2).choice(np.array([0, 128, 255], np.uint8), (20, 37))


def transformers_pixels(photo, trimap, **arguments):
    """One array for each photo."""
    return list(transformers_processor()(images=photo, trimaps=trimap, **arguments)["pixel_values"])


def assert_same_pixels(ours, theirs):
    assert len(ours) == len(theirs)
    for our, their in zip(ours, theirs, strict=True):
        assert our.shape == their.shape
        assert our.dtype == np.float32
        np.testing.assert_allclose(our, their, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"size_divisor": 16},
        {"do_pad": False},
        {"do_normalize": False},
        {"do_rescale": False},
        {"do_rescale": False, "do_normalize": False},
        {"rescale_factor": 1 / 127.5},
        {"image_mean": list(IMAGENET_DEFAULT_MEAN), "image_std": list(IMAGENET_DEFAULT_STD)},
        {"image_mean": 0.25, "image_std": 0.75},
        {"input_data_format": "channels_last"},
        {"return_tensors": "np"},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:trimap enters the network")
def test_arguments_as_transformers(arguments):
    ours = VitMatteImageProcessor()(images=PHOTO, trimaps=TRIMAP, **arguments).pixel_values
    assert_same_pixels(ours, transformers_pixels(PHOTO, TRIMAP, **arguments))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("layout", ["HWC", "CHW"])
@pytest.mark.parametrize("rescale", [True, False])
@pytest.mark.filterwarnings("ignore:trimap enters the network")
def test_array_kinds_as_transformers(dtype, layout, rescale):
    """The trimap joins the channels whatever the photo's layout."""
    array = PHOTO.astype(dtype) if layout == "HWC" else np.moveaxis(PHOTO, -1, 0).astype(dtype)
    ours = VitMatteImageProcessor()(array, TRIMAP, do_rescale=rescale).pixel_values
    assert_same_pixels(ours, transformers_pixels(array, TRIMAP, do_rescale=rescale))


def test_floats_in_unit_range_without_rescaling_as_transformers():
    unit_photo, unit_trimap = (PHOTO / 255).astype(np.float32), (TRIMAP / 255).astype(np.float32)
    ours = VitMatteImageProcessor()(unit_photo, unit_trimap, do_rescale=False).pixel_values
    assert_same_pixels(ours, transformers_pixels(unit_photo, unit_trimap, do_rescale=False))


@pytest.mark.parametrize("mode", ["1", "L", "P", "I", "F", "I;16"])
@pytest.mark.filterwarnings("ignore:trimap")
def test_trimap_modes_as_transformers(mode):
    if mode == "I;16":
        image = Image.fromarray(TRIMAP.astype(np.uint16))
    else:
        image = Image.fromarray(TRIMAP).convert(mode)
    ours = VitMatteImageProcessor()(Image.fromarray(PHOTO), image).pixel_values
    assert_same_pixels(ours, transformers_pixels(Image.fromarray(PHOTO), image))


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK", "P"])
def test_photo_modes_as_transformers_told_to_convert(mode):
    image = Image.fromarray(PHOTO).convert(mode)
    ours = VitMatteImageProcessor()(image, TRIMAP).pixel_values
    assert_same_pixels(ours, transformers_pixels(image, TRIMAP, do_convert_rgb=True))


def test_lists_and_batches_as_transformers():
    processor = VitMatteImageProcessor()
    for photos, trimaps in [
        ([PHOTO, PHOTO[:, ::-1]], [TRIMAP, TRIMAP[::-1]]),
        (np.stack([PHOTO, PHOTO[::-1]]), np.stack([TRIMAP, TRIMAP])),
        (PHOTO, TRIMAP[None]),
        ([PHOTO, PHOTO[:, :17]], [TRIMAP, TRIMAP[:, :17]]),
    ]:
        assert_same_pixels(processor(photos, trimaps).pixel_values, transformers_pixels(photos, trimaps))


@given(
    height=st.integers(1, 40),
    width=st.integers(5, 40),
    divisor=st.integers(1, 48),
    seed=st.integers(0, 9),
    mean=st.floats(0, 1),
)
def test_any_size_as_transformers(height, width, divisor, seed, mean):
    rng = np.random.default_rng(seed)
    photo = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    trimap = rng.integers(0, 256, (height, width), dtype=np.uint8)
    trimap[0, 0] = 255
    arguments = {"size_divisor": divisor, "image_mean": mean, "input_data_format": "channels_last"}
    ours = VitMatteImageProcessor()(photo, trimap, **arguments).pixel_values
    assert_same_pixels(ours, transformers_pixels(photo, trimap, **arguments))


def test_saved_settings_are_read_alike(tmp_path):
    settings = {
        "image_mean": [0.1, 0.2, 0.3],
        "image_std": [0.4, 0.5, 0.6],
        "size_divisor": 24,
        "rescale_factor": 1 / 250,
    }
    VitMatteImageProcessor(**settings).save_pretrained(tmp_path / "ours")
    transformers_processor(**settings).save_pretrained(tmp_path / "theirs")
    for folder in ("ours", "theirs"):
        ours = VitMatteImageProcessor.from_pretrained(tmp_path / folder)
        theirs = transformers_processor.from_pretrained(tmp_path / folder)
        assert_same_pixels(ours(PHOTO, TRIMAP).pixel_values, theirs(PHOTO, TRIMAP)["pixel_values"])


@pytest.mark.parametrize(("value", "settings"), [(1.0, {}), (1, {}), (255, {"do_rescale": False})])
@pytest.mark.filterwarnings("ignore:trimap")
def test_trimaps_on_the_wrong_scale_as_transformers(value, settings):
    """Taken as it is, with a warning (tested in test_processor.py)."""
    wrong = np.full((20, 37), value)
    ours = VitMatteImageProcessor()(PHOTO, wrong, **settings).pixel_values
    assert_same_pixels(ours, transformers_pixels(PHOTO, wrong, **settings))


@pytest.mark.filterwarnings("ignore:photo has shape")
def test_layout_that_could_be_either_as_transformers():
    strip = np.random.default_rng(3).integers(0, 256, (3, 9, 3), dtype=np.uint8)
    ours = VitMatteImageProcessor()(strip, TRIMAP[:9, :3]).pixel_values
    assert_same_pixels(ours, transformers_pixels(strip, TRIMAP[:9, :3]))
