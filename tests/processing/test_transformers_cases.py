"""The cases of transformers' own tests of this processor, and the arguments of scripts written for it."""

import sys

import numpy as np
import pytest
from PIL import Image

from numpy_vitmatte.errors import CheckpointError, ConfigurationError, ImageError, VitMatteError
from numpy_vitmatte.processing import AutoImageProcessor, BatchFeature, HustvlImageProcessor, VitMatteImageProcessor

SETTINGS = {
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "do_normalize": True,
    "do_rescale": True,
    "rescale_factor": 0.5,
    "do_pad": True,
    "size_divisibility": 10,
}

NEEDS = "the [parity] extra is not installed; arrays are tested above"
SIDES = [(30, 400), (400, 30), (137, 251), (30, 30), (400, 400)]


@pytest.fixture
def processor():
    return VitMatteImageProcessor(**SETTINGS)


def photo_of(size, channels=3):
    return np.random.default_rng(sum(size)).integers(0, 255, (channels, *size), dtype=np.uint8)


def trimap_of(size):
    """Random numbers 0, 1 and 2: with a factor of 0.5 they are background, unknown and foreground."""
    return np.random.default_rng(size[0]).integers(0, 3, size)


def check(pixels, photo, trimap):
    """Multiples of ten, half of what went in, zeros around it."""
    channels, height, width = photo.shape
    assert pixels.shape == (1, channels + 1, -(-height // 10) * 10, -(-width // 10) * 10)
    np.testing.assert_allclose(pixels[0, :channels, :height, :width], photo - 1.0, rtol=1e-6)  # (x / 2 - 0.5) / 0.5
    np.testing.assert_array_equal(pixels[0, channels, :height, :width], trimap / 2)
    assert not pixels[..., height:, :].any()
    assert not pixels[..., width:].any()


def test_attributes(processor):
    for name, value in SETTINGS.items():
        found = getattr(processor, name)
        assert (list(found) if isinstance(found, tuple) else found) == value
    processor.size_divisibility = 16
    assert (processor.size_divisor, processor.to_dict()["size_divisor"]) == (16, 16)
    assert "size_divisibility" not in processor.to_dict()


@pytest.mark.parametrize("size", SIDES)
def test_arrays_and_pillow_images(processor, size):
    photo, trimap = photo_of(size), trimap_of(size)
    check(processor(images=photo, trimaps=trimap, return_tensors="np").pixel_values, photo, trimap)
    image = Image.fromarray(photo.transpose(1, 2, 0))
    check(processor(images=image, trimaps=trimap).pixel_values, photo, trimap)


@pytest.mark.parity
@pytest.mark.parametrize("size", SIDES)
def test_tensors(processor, size):
    """They are taken as arrays are, also with gradients and in bfloat16, and given back when asked for."""
    torch = pytest.importorskip("torch", reason=NEEDS)
    photo, trimap = photo_of(size), trimap_of(size)
    given = processor(torch.from_numpy(photo), torch.from_numpy(trimap), return_tensors="pt").pixel_values
    assert (type(given), given.dtype, given.is_contiguous()) == (torch.Tensor, torch.float32, True)
    check(given.numpy(), photo, trimap)
    floats = torch.tensor(photo, dtype=torch.float32, requires_grad=True)
    check(processor([floats], [torch.tensor(trimap, dtype=torch.bfloat16)]).pixel_values, photo, trimap)


def test_four_channels_with_scalar_statistics(processor):
    """The fourth is the photo's own transparency and is left out; transformers gives the network a fifth plane."""
    photo, trimap = photo_of((31, 57), channels=4), trimap_of((31, 57))
    pixels = processor(
        images=photo, trimaps=trimap, input_data_format="channels_first", image_mean=0, image_std=1
    ).pixel_values
    check(pixels, photo[:3] / 2 + 1, trimap)


@pytest.mark.parametrize(("size", "padded"), [((249, 491), (256, 512)), ((249, 512), (256, 512)), ((32, 64), (32, 64))])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_padding_alone(processor, size, padded, channels):
    """To multiples of 32 whatever this processor's own setting is, as transformers does; the numbers stay."""
    image = np.random.default_rng(5).standard_normal((channels, *size))
    found = processor.pad_image(image)
    assert (found.shape, found.dtype) == ((channels, *padded), np.float64)
    np.testing.assert_array_equal(found[:, : size[0], : size[1]], image)
    assert np.count_nonzero(found) == np.count_nonzero(image)
    np.testing.assert_array_equal(processor.pad_image(image.transpose(1, 2, 0)), found.transpose(1, 2, 0))
    last = processor.pad_image(image, data_format="channels_last", input_data_format="channels_first")
    np.testing.assert_array_equal(last, found.transpose(1, 2, 0))
    np.testing.assert_array_equal(processor.pad_image(image[None]), found[None])


def test_padding_to_what_is_asked_for(processor):
    image = np.ones((3, 33, 64), np.uint8)
    assert processor.pad_image(image, 10).shape == (3, 40, 70)
    assert processor.pad_image(image, size_divisor=64).shape == (3, 64, 64)
    assert processor.pad_image(image, size_divisibility=16).shape == (3, 48, 64)
    assert HustvlImageProcessor().pad_image(image).shape == (3, 64, 96)  # both axes grow where one has to
    with pytest.raises(ConfigurationError, match="size_divisor must be a positive integer"):
        processor.pad_image(image, 0)
    with pytest.raises(ConfigurationError, match="data_format must be"):
        processor.pad_image(image, data_format="last")
    with pytest.raises(ImageError, match=r"image has shape \(33, 64\); expected \(channels, height, width\)"):
        processor.pad_image(image[0])
    with pytest.raises(ImageError, match="image is a int"):
        processor.pad_image(3)


@pytest.mark.parity
def test_padding_of_tensors(processor):
    torch = pytest.importorskip("torch", reason=NEEDS)
    padded = processor.pad_image(torch.ones(3, 33, 64))
    assert (type(padded), tuple(padded.shape)) == (torch.Tensor, (3, 64, 64))


@pytest.mark.parametrize(
    "arguments", [{"extra_argument": True}, {"do_resize": True}, {"resample": 2, "extra_argument": None, "size": 3}]
)
def test_unknown_arguments_are_named_and_ignored(processor, arguments):
    photo, trimap = photo_of((20, 37)), trimap_of((20, 37))
    with pytest.warns(UserWarning, match="has no setting") as caught:
        pixels = processor(photo, trimaps=trimap, **arguments).pixel_values
    (warning,) = caught
    names = ", ".join(name for name, value in arguments.items() if value is not None)
    assert str(warning.message).startswith(f"VitMatteImageProcessor has no setting {names}; expected one of do_rescale")
    assert warning.filename == __file__
    check(pixels, photo, trimap)


def test_arguments_without_meaning_are_taken(processor):
    photo, trimap = photo_of((20, 37)), trimap_of((20, 37))
    pixels = processor(photo, trimap, do_convert_rgb=True, disable_grouping=True, device="cpu").pixel_values
    check(pixels, photo, trimap)
    with pytest.raises(VitMatteError, match="device 'cuda:0' is not there: numpy-vitmatte computes on the CPU"):
        processor(photo, trimap, device="cuda:0")


@pytest.mark.parametrize("kind", ["tf", "jax", "PT", 1])
def test_other_tensors_are_refused(processor, kind):
    with pytest.raises(ConfigurationError, match="return_tensors must be 'np', or 'pt' where torch is installed"):
        processor(photo_of((20, 37)), trimap_of((20, 37)), return_tensors=kind)


def test_tensors_where_there_is_no_torch(processor, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ConfigurationError, match="torch, which is not installed here: ask for 'np'"):
        processor(photo_of((20, 37)), trimap_of((20, 37)), return_tensors="pt")


@pytest.mark.parity
def test_tensors_of_sizes_that_differ(processor):
    pytest.importorskip("torch", reason=NEEDS)
    with pytest.raises(ImageError, match="return_tensors='pt' needs images of one size after padding"):
        processor(
            [photo_of((20, 37)), photo_of((20, 57))], [trimap_of((20, 37)), trimap_of((20, 57))], return_tensors="pt"
        )


def test_results_stay_on_the_cpu():
    inputs = BatchFeature(pixel_values=np.zeros((1, 4, 32, 32), np.float32), note="x")
    assert inputs.to("cpu") is inputs.to(device="cpu", non_blocking=True) is inputs
    with pytest.raises(VitMatteError, match="device 'cuda' is not there"):
        inputs.to("cuda")
    with pytest.raises(VitMatteError, match="dtype must be a floating-point type"):
        inputs.to(np.int32)
    with pytest.warns(UserWarning, match="dtype float16: .* computed in float32"):
        assert inputs.to(np.float16).pixel_values.dtype == np.float32


@pytest.mark.parity
def test_tensors_take_another_type():
    torch = pytest.importorskip("torch", reason=NEEDS)
    inputs = BatchFeature(pixel_values=torch.ones(1, 4, 32, 32), note="x")
    assert inputs.to(torch.device("cpu")).pixel_values.dtype == torch.float32
    with pytest.warns(UserWarning, match="dtype bfloat16"):
        assert inputs.to("cpu", dtype=torch.bfloat16).pixel_values.dtype == torch.bfloat16
    assert inputs.note == "x"


# The file -----------------------------------------------------------------------------------------------------------


def test_dicts_text_and_files(processor, tmp_path):
    processor = VitMatteImageProcessor(**SETTINGS, note=1)
    processor.to_json_file(tmp_path / "any.json")
    assert (tmp_path / "any.json").read_text() == processor.to_json_string()
    for same in (
        VitMatteImageProcessor.from_dict(processor.to_dict()),
        VitMatteImageProcessor.from_json_file(tmp_path / "any.json"),
    ):
        assert same.to_dict() == processor.to_dict()
    assert VitMatteImageProcessor.from_dict(processor.to_dict(), size_divisor=64, do_pad=None).size_divisor == 64
    processor.save_pretrained(tmp_path / "inside")
    read = VitMatteImageProcessor.from_pretrained(tmp_path, subfolder="inside", local_files_only=True, use_fast=True)
    assert read.to_dict() == processor.to_dict()
    assert type(AutoImageProcessor.from_pretrained(tmp_path / "inside")) is VitMatteImageProcessor
    with pytest.raises(CheckpointError, match="has no folder 'outside'"):
        VitMatteImageProcessor.from_pretrained(tmp_path, subfolder="outside")


def test_a_models_folder_without_the_file(tmp_path):
    """The defaults, and a warning; of a folder without a configuration nothing is known."""
    with pytest.raises(ConfigurationError, match=r"preprocessor_config\.json: no such file"):
        VitMatteImageProcessor.from_pretrained(tmp_path)
    (tmp_path / "config.json").touch()
    with pytest.warns(UserWarning, match=r"preprocessor_config\.json is not there.*'hf'.*'hustvl'") as caught:
        processor = VitMatteImageProcessor.from_pretrained(tmp_path, do_pad=False)
    assert processor.to_dict() == VitMatteImageProcessor(do_pad=False).to_dict()
    assert str(tmp_path) in str(caught[0].message)
    assert caught[0].filename == __file__
    assert HustvlImageProcessor.from_pretrained(tmp_path, token="hf_x").extra == {}
