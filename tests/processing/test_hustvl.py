"""The authors' preprocessing: against their code written out in NumPy, and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte.errors import ConfigurationError
from numpy_vitmatte.processing import HustvlImageProcessor, VitMatteImageProcessor
from numpy_vitmatte.processing.profiles import profile_processor


def authors_input(photo, trimap):
    """What the authors' network receives (vitmatte.py, ``preprocess_inputs``), in float64: one statement for each."""
    photo = photo.transpose(2, 0, 1) / 255
    photo = (photo - np.array([[[0.485]], [[0.456]], [[0.406]]])) / np.array([[[0.229]], [[0.224]], [[0.225]]])
    trimap = trimap.astype(float)
    foreground = trimap >= 170
    trimap[trimap < 85] = 0
    trimap[trimap >= 85] = 0.5
    trimap[foreground] = 1
    joined = np.concatenate([photo, trimap[None]])
    height, width = joined.shape[1:]
    if height % 32 != 0 or width % 32 != 0:
        padded = np.zeros((4, 32 - height % 32 + height, 32 - width % 32 + width))
        padded[:, :height, :width] = joined
        joined = padded
    return joined


@given(height=st.integers(1, 70), width=st.integers(1, 70), seed=st.integers(0, 9))
def test_as_the_authors_do_it(height, width, seed):
    rng = np.random.default_rng(seed)
    photo = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    trimap = rng.integers(0, 256, (height, width), dtype=np.uint8)
    pixels = HustvlImageProcessor()(photo, trimap, input_data_format="channels_last").pixel_values
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels[0], authors_input(photo, trimap), rtol=0, atol=2e-6)


@pytest.mark.parametrize(
    ("size", "padded"),
    [
        ((32, 64), (32, 64)),  # both aligned: left alone
        ((33, 64), (64, 96)),  # one is not: the aligned axis grows by 32 as well
        ((64, 33), (96, 64)),
        ((31, 63), (32, 64)),  # neither is: as anywhere
        ((1, 1), (32, 32)),
        ((512, 500), (544, 512)),
    ],
)
def test_padding_of_both_axes_or_none(size, padded):
    """Zeros come after normalization: the mean color, background."""
    photo, trimap = np.full((*size, 3), 255, np.uint8), np.full(size, 255, np.uint8)
    pixels = HustvlImageProcessor()(photo, trimap, input_data_format="channels_last").pixel_values[0]
    assert pixels.shape == (4, *padded)
    assert (pixels[:, : size[0], : size[1]] > 0).all()
    assert not pixels[:, size[0] :].any()
    assert not pixels[:, :, size[1] :].any()


def test_trimap_is_cut_at_85_and_170_and_unknown_is_exactly_a_half():
    """As the authors cut it for training."""
    levels = np.array([[0, 84, 85, 127, 128, 169, 170, 255]], np.uint8)
    expected = [0, 0, 0.5, 0.5, 0.5, 0.5, 1, 1]
    photo = np.zeros((1, 8, 3), np.uint8)
    whole = HustvlImageProcessor(do_pad=False)(photo, levels, input_data_format="channels_last").pixel_values
    assert whole[0, 3, 0].tolist() == expected
    assert whole.shape == (1, 4, 1, 8)
    in_unit_range = HustvlImageProcessor(do_pad=False, do_rescale=False)
    fractions = in_unit_range(photo / 255, levels / 255, input_data_format="channels_last").pixel_values
    assert fractions[0, 3, 0].tolist() == expected


def test_statistics_come_from_the_authors_and_not_from_the_checkpoint(lively_checkpoint):
    from_file = VitMatteImageProcessor.from_pretrained(lively_checkpoint)
    authors = HustvlImageProcessor.from_pretrained(lively_checkpoint)
    assert from_file.image_mean == (0.5, 0.5, 0.5)
    assert authors.image_mean == (0.485, 0.456, 0.406)
    assert authors.image_std == (0.229, 0.224, 0.225)
    assert HustvlImageProcessor(image_mean=None, image_std=0.5).image_std == 0.5


def test_profiles_by_name():
    chosen = VitMatteImageProcessor()
    assert profile_processor("hf") is None
    assert profile_processor("hf", chosen) is chosen
    assert type(profile_processor("hustvl")) is HustvlImageProcessor
    with pytest.raises(ConfigurationError, match="profile is 'rembg'; expected 'hf' or 'hustvl'"):
        profile_processor("rembg")
    with pytest.raises(ConfigurationError, match="'hustvl' brings a processor of its own; give one or the other"):
        profile_processor("hustvl", chosen)
