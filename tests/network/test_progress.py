"""What is told of a pass while it runs."""

import threading

import numpy as np
import pytest

from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.network.progress import progress_to
from numpy_vitmatte.testing import random_checkpoint, random_pixels, tiny_config


@pytest.fixture(scope="module")
def model():
    return VitMatteForImageMatting(tiny_config(), random_checkpoint(tiny_config(), seed=5))


def shares_of(model, images=1, height=96, width=128, **options):
    shares = []
    with progress_to(shares.append):
        output = model(random_pixels(images, 4, height, width, seed=1), **options)
    return shares, output


def test_shares_grow_to_one_and_change_nothing(model):
    shares, output = shares_of(model)
    blocks = tiny_config().backbone_config.feature_index
    assert len(shares) >= blocks + 1
    assert all(before < after for before, after in zip([0, *shares], shares, strict=False))
    assert shares[-1] == pytest.approx(1)
    np.testing.assert_array_equal(output.alphas, model(random_pixels(1, 4, 96, 128, seed=1)).alphas)


def test_each_image_of_a_batch_begins_anew(model):
    one, _ = shares_of(model)
    assert shares_of(model, images=2)[0] == one * 2


def test_hidden_states_beyond_the_decoders_are_not_counted(model):
    assert shares_of(model, output_hidden_states=True)[0] == shares_of(model)[0]


def test_where_nothing_is_wanted_it_ends(model):
    shares, _ = shares_of(model, wanted=np.zeros((1, 96, 128), bool))
    assert shares[-1] == pytest.approx(1)


def test_other_threads_passes_are_not_told(model):
    shares = []
    with progress_to(shares.append):
        thread = threading.Thread(target=model, args=(random_pixels(1, 4, 96, 128, seed=1),))
        thread.start()
        thread.join()
    assert shares == []
