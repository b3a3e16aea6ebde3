"""Losses and their gradients against PyTorch in float64, written down a second time by their definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.torch_recipe_loss import WEIGHTS, recipe_loss_parts

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.testing import assert_within
from numpy_vitmatte.testing.gradients import assert_gradients
from numpy_vitmatte.training import losses

# Values and gradients are sums of some ten thousand float64 numbers: measured 4e-16 of the largest.
TOLERANCE = 1e-13


def example(*shape, seed=0, unknown=0.4):
    """Predicted and true alpha, and what is unknown; the truth is flat in places, as alphas are."""
    generator = np.random.default_rng(seed)
    predicted = generator.uniform(0, 1, shape)
    alpha = np.clip(generator.uniform(-0.5, 1.5, shape), 0, 1)
    return predicted, alpha, generator.uniform(size=shape) < unknown


SHAPES = [(64, 64), (96, 128), (2, 100, 90), (3, 112, 118), (67, 71)]


def in_torch(loss, predicted, alpha, unknown):
    """Value and gradient of a loss on tensors (B, 1, H, W), by autograd."""
    torch = pytest.importorskip("torch", reason="the [parity] extra is not installed; central differences are compared")
    shape = (-1, 1, *predicted.shape[-2:])
    p = torch.from_numpy(predicted.reshape(shape).copy()).requires_grad_(True)
    value = loss(torch, p, torch.from_numpy(alpha.reshape(shape)), torch.from_numpy(unknown.reshape(shape)).double())
    value.backward()
    return value.item(), p.grad.numpy().reshape(predicted.shape)


def torch_region(torch, p, a, region):
    return (region * (p - a)).abs().sum() / region.sum()


def torch_sobel(torch, p, a, unknown):
    """Convolved with Sobel's masks as they are usually written."""
    mask = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=p.dtype)
    total = 0
    for weight in (mask[None, None], mask.T[None, None]):
        slope, goal = (unknown * torch.conv2d(alpha, weight, padding=1) for alpha in (p, a))
        total = total + (slope - goal).abs().sum() + 0.01 * slope.abs().sum()
    return total / unknown.sum()


def torch_pyramid(torch, picture):
    """Five bands, by convolutions with the blur's 5 x 5 mask and by indexing."""
    taps = torch.tensor([1.0, 4, 6, 4, 1], dtype=picture.dtype)
    mask = (taps[:, None] * taps)[None, None] / 256

    def blur(x):
        return torch.conv2d(torch.nn.functional.pad(x, (2, 2, 2, 2), mode="reflect"), mask)

    for _ in range(5):
        picture = picture[..., : picture.shape[-2] // 2 * 2, : picture.shape[-1] // 2 * 2]
        half = blur(picture)[..., ::2, ::2]
        double = torch.zeros_like(picture)
        double[..., ::2, ::2] = 4 * half
        yield picture - blur(double)
        picture = half


def torch_laplacian(torch, p, a, unknown):
    bands = zip(torch_pyramid(torch, p), torch_pyramid(torch, a), strict=True)
    return sum(2**level * (x - y).abs().mean() for level, (x, y) in enumerate(bands)) / 5


def torch_authors(torch, p, a, unknown):
    known = torch_region(torch, p, a, 1 - unknown)
    return (
        torch_region(torch, p, a, unknown) + known + torch_laplacian(torch, p, a, unknown)
        + torch_sobel(torch, p, a, unknown)
    )  # fmt: skip


def with_parts(loss):
    """Value and gradient alone."""
    return lambda *arrays: loss(*arrays)[:2]


PAIRS = {
    "unknown": (lambda p, a, u: losses.region_l1(p, a, u), lambda torch, p, a, u: torch_region(torch, p, a, u)),
    "known": (lambda p, a, u: losses.region_l1(p, a, ~u), lambda torch, p, a, u: torch_region(torch, p, a, 1 - u)),
    "laplacian": (lambda p, a, u: losses.laplacian(p, a), torch_laplacian),
    "gradient": (losses.gradient_penalty, torch_sobel),
    "authors": (with_parts(losses.authors_loss), torch_authors),
}


@pytest.mark.parity
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", PAIRS)
def test_the_authors_losses(name, shape):
    """Even sides and odd, one picture and several."""
    own, in_pytorch = PAIRS[name]
    arrays = example(*shape)
    value, gradient = own(*arrays)
    expected, expected_gradient = in_torch(in_pytorch, *arrays)
    assert_within(value, expected, TOLERANCE * expected)
    assert_within(gradient, expected_gradient, TOLERANCE * np.abs(expected_gradient).max())


@pytest.mark.parity
@pytest.mark.parametrize("shape", [(64, 64), (2, 100, 90), (67, 71), (17, 18)], ids=str)
def test_the_recipes_loss(shape):
    """Its value, its gradient, and its parts."""
    arrays = example(*shape)
    parts = {}

    def loss(torch, p, a, unknown):
        found = recipe_loss_parts(p, a, unknown > 0)
        parts.update({name: part.item() for name, part in found.items()})
        return sum(WEIGHTS[name] * part for name, part in found.items())

    value, gradient, own_parts = losses.recipe_loss(*arrays)
    expected, expected_gradient = in_torch(loss, *arrays)
    assert_within(value, expected, TOLERANCE * expected)
    assert_within(gradient, expected_gradient, TOLERANCE * np.abs(expected_gradient).max())
    assert set(own_parts) == set(parts)
    for name, part in parts.items():
        assert_within(own_parts[name], part, TOLERANCE * part, name)


@pytest.mark.parametrize("loss", [losses.authors_loss, losses.recipe_loss])
@settings(max_examples=10)
@given(height=st.integers(64, 90), width=st.integers(64, 90), seed=st.integers(0, 2**32 - 1))
def test_gradients_by_central_differences(loss, height, width, seed):
    """Where PyTorch is not installed too. An absolute value may have its kink in a step of 1e-6: not so in these."""
    predicted, alpha, unknown = example(height, width, seed=seed)
    assert_gradients(
        lambda arrays: np.array(loss(arrays["predicted"], alpha, unknown).value),
        lambda dy, arrays: {"predicted": dy * loss(arrays["predicted"], alpha, unknown).gradient},
        {"predicted": predicted},
        seed=seed,
    )


def test_values_by_hand():
    """One unknown pixel that is half wrong, among known ones of which one is."""
    alpha, unknown = np.zeros((4, 4)), np.zeros((4, 4), bool)
    predicted = alpha.copy()
    predicted[1, 1], unknown[1, 1] = 0.5, True
    predicted[3, 3] = 0.3
    assert losses.region_l1(predicted, alpha, unknown)[0] == 0.5
    value, gradient = losses.region_l1(predicted, alpha, ~unknown)
    assert value == pytest.approx(0.3 / 15)
    assert gradient[3, 3] == pytest.approx(1 / 15)
    assert np.count_nonzero(gradient) == 1
    # The slope at the pixel itself is 0: its own value does not take part in Sobel's masks.
    assert losses.gradient_penalty(predicted, alpha, unknown)[0] == 0
    unknown[1, 2] = True  # its left neighbor is 0.5: a slope of -2 * 0.5 across, none down
    assert losses.gradient_penalty(predicted, alpha, unknown)[0] == pytest.approx((1 + 0.01) / 2)


def test_a_right_alpha_costs_its_slope_alone():
    """The authors' price of slope is paid for the truth as well; the recipe's is not."""
    _, alpha, unknown = example(64, 64)
    found = losses.authors_loss(alpha, alpha, unknown)
    assert found.parts["unknown"] == found.parts["known"] == found.parts["laplacian"] == 0
    assert found.value == found.parts["gradient"] > 0
    assert losses.recipe_loss(alpha, alpha, unknown).value == 0


@pytest.mark.parametrize("everything", [True, False])
def test_an_empty_region_costs_nothing(everything):
    """Nothing unknown, or nothing known."""
    predicted, alpha, _ = example(64, 64)
    unknown = np.full((64, 64), everything)
    for loss in (losses.authors_loss, losses.recipe_loss):
        found = loss(predicted, alpha, unknown)
        assert found.parts["known" if everything else "unknown"] == 0
        assert np.isfinite(found.value)
        assert np.isfinite(found.gradient).all()
    if not everything:
        assert losses.gradient_penalty(predicted, alpha, unknown)[0] == 0


@pytest.mark.parametrize(("loss", "side"), [(losses.authors_loss, 64), (losses.recipe_loss, 17)])
def test_small_pictures_are_refused(loss, side):
    with pytest.raises(VitMatteError, match=f"of 70x{side - 1} pixels are too small .* use at least {side}x{side}"):
        loss(*example(70, side - 1))
    loss(*example(side, side))


@pytest.mark.parametrize("loss", [losses.authors_loss, losses.recipe_loss])
def test_float32_stays_float32(loss):
    """To float32 rounding the same: 1e-5 of the value, and of the largest gradient where no sign differs."""
    predicted, alpha, unknown = example(64, 80)
    single = loss(predicted.astype(np.float32), alpha.astype(np.float32), unknown)
    double = loss(predicted, alpha, unknown)
    assert single.gradient.dtype == np.float32
    assert single.value == pytest.approx(double.value, rel=1e-5)
    differ = np.abs(single.gradient - double.gradient) > 1e-5 * np.abs(double.gradient).max()
    assert differ.mean() < 0.01
