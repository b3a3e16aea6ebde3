"""Loss, gradients and new weights of a model: the face of training."""

import numpy as np
import pytest

from numpy_vitmatte import VitMatteForImageMatting
from numpy_vitmatte.errors import CheckpointError, VitMatteError
from numpy_vitmatte.model import load_packed
from numpy_vitmatte.testing import assert_within, random_checkpoint, random_pixels, tiny_config, wide
from numpy_vitmatte.training.losses import authors_loss
from numpy_vitmatte.training.reference_gradients import reference_gradients

CONFIG = tiny_config()
HEAD = "decoder.matting_head.matting_convs.3.bias"


@pytest.fixture(scope="module")
def batch():
    """Two pictures, half of them unknown, and labels."""
    pixels = random_pixels(2, 4, 64, 80, seed=3)
    pixels[:, 3] = np.where(np.arange(80) < 40, 0.5, 1)
    return pixels, np.random.default_rng(4).random((2, 1, 64, 80), np.float32)


@pytest.fixture
def model():
    return VitMatteForImageMatting(CONFIG, random_checkpoint(CONFIG))


def test_labels_give_the_loss_of_the_alphas(model, batch):
    """The same alphas as without labels, and the loss before them, as in transformers' outputs."""
    pixels, labels = batch
    out, plain = model(pixels, labels=labels), model(pixels)
    np.testing.assert_array_equal(out.alphas, plain.alphas)
    expected = authors_loss(plain.alphas[:, 0], labels[:, 0], np.abs(pixels[:, 3] - 0.5) < 0.1).value
    assert list(out) == ["loss", "alphas"]
    assert out.loss == out[0] == np.float32(expected)
    assert plain.loss is None
    assert model(pixels, labels=labels, return_dict=False)[0] == out.loss


@pytest.mark.parametrize("train", ["*", "decoder.*", "backbone.*", "*.bias"])
def test_gradients_are_those_of_the_reference(model, batch, train):
    """In float64; what float32 leaves of a tensor's largest gradient was at most 2e-6."""
    loss, gradients = model.gradients(*batch, train=train)
    pixels, labels = (array.astype(np.float64) for array in batch)
    expected, exact = reference_gradients(pixels, labels, wide(model.tensors), CONFIG, train=train)
    assert loss == pytest.approx(expected.value, rel=1e-5)
    assert list(gradients) == list(exact)
    for name, gradient in gradients.items():
        assert gradient.dtype == np.float32
        assert_within(gradient, exact[name], 1e-4 * np.abs(exact[name]).max() + 1e-9, name)


@pytest.mark.parametrize("train", ["*", "decoder.*"])
def test_norms_that_are_not_frozen_move(model, batch, train):
    """The model's statistics become those of the reference in training mode, and alphas follow them."""
    tensors = wide(model.tensors)
    before = model(batch[0]).alphas
    _, gradients = model.gradients(*batch, train=train, frozen_norms=False)
    pixels, labels = (array.astype(np.float64) for array in batch)
    _, exact = reference_gradients(pixels, labels, tensors, CONFIG, train=train, frozen_norms=False)
    for name, gradient in gradients.items():
        size = max(np.abs(exact[name]).max(), 1e-3)  # a bias before a norm has the gradient 0
        assert_within(gradient, exact[name], 1e-3 * size, name)
    moved = [name for name in tensors if ".running_" in name]
    assert moved
    for name in moved:
        assert_within(model.tensors[name], tensors[name], 1e-5 * np.abs(tensors[name]).max(), name)
    assert np.abs(model(batch[0]).alphas - before).max() > 1e-3


@pytest.mark.parametrize("part", ["backbone.", "decoder.", ""])
def test_alphas_follow_new_tensors(model, batch, part):
    """To the bit as a model that is made of them; the arrays given stay the caller's."""
    given = {name: 1.25 * tensor for name, tensor in model.tensors.items() if name.startswith(part)}
    before = model(batch[0]).alphas
    model.update_parameters(given)
    fresh = VitMatteForImageMatting(CONFIG, dict(model.tensors))
    for tensor in given.values():
        tensor[...] = 0
    np.testing.assert_array_equal(model(batch[0]).alphas, fresh(batch[0]).alphas)
    assert np.any(before != model(batch[0]).alphas)


def test_the_checkpoint_on_disk_stays(tmp_path, model):
    model.save_pretrained(tmp_path)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    loaded = VitMatteForImageMatting.from_pretrained(tmp_path)
    loaded.update_parameters({HEAD: loaded.tensors[HEAD] + 1})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"head.bias": np.zeros(1)}, "no tensor 'head.bias'"),
        ({HEAD: np.zeros(2)}, r"has shape \(2,\); expected \(1,\)"),
        ({HEAD: np.full(1, np.nan)}, "NaN or infinite"),
    ],
)
def test_tensors_that_do_not_fit_change_nothing(model, tensors, message):
    before = model.tensors
    with pytest.raises(CheckpointError, match=message):
        model.update_parameters(tensors)
    assert model.tensors is before


def test_what_cannot_be_trained_on_is_refused(tmp_path, model, batch):
    pixels, labels = batch
    for wrong, message in (
        (labels[:1], "labels has shape"),
        (labels * 2, "labels ranges"),
        (np.full_like(labels, np.nan), "NaN"),
        ((labels * 255).astype(np.uint8), "type uint8"),
    ):
        for ask in (model.gradients, lambda *given: model(given[0], labels=given[1])):
            with pytest.raises(VitMatteError, match=message):
                ask(pixels, wrong)
    with pytest.raises(VitMatteError, match="know every pixel"):
        model.gradients(np.concatenate([pixels[:, :3], np.ones_like(pixels[:, :1])], axis=1), labels)
    with pytest.raises(VitMatteError, match="no tensor that can be trained"):
        model.gradients(pixels, labels, train="encoder.*")
    with pytest.raises(VitMatteError, match="leave wanted out"):
        model(pixels, labels=labels, wanted=np.ones((2, 64, 80), bool))
    model.save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="to compute alphas only"):
        load_packed(tmp_path).gradients(pixels, labels)
