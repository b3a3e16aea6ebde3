"""The patch embedding as a matrix product, and the refusal to train where bfloat16 computes something else."""

from types import SimpleNamespace

import pytest

pytest.importorskip("torch", reason="the recipe trains with torch ([train] extra)")
pytest.importorskip("transformers", reason="the recipe trains transformers' own network ([train] extra)")

import torch
from training import bfloat16, network

pytestmark = pytest.mark.extras("torch")


def test_the_product_equals_the_convolution():
    torch.manual_seed(0)
    product = network.PatchProjection(4, 24, kernel_size=16, stride=16).double()
    pixels = torch.randn((2, 4, 64, 96), dtype=torch.float64, requires_grad=True)
    expected = torch.nn.functional.conv2d(pixels, product.weight, product.bias, stride=16)
    torch.testing.assert_close(product(pixels), expected, rtol=1e-12, atol=1e-12)  # sums of 1,024 terms in float64
    weights = torch.randn_like(expected)
    [found] = torch.autograd.grad((product(pixels) * weights).sum(), pixels)
    [right] = torch.autograd.grad((expected * weights).sum(), pixels)
    torch.testing.assert_close(found, right, rtol=1e-12, atol=1e-12)


def test_the_network_embeds_patches_by_the_product_and_its_weights_keep_their_names():
    from transformers import VitMatteForImageMatting

    model = network.build()
    assert isinstance(model.backbone.embeddings.projection, network.PatchProjection)
    assert set(model.state_dict()) == set(VitMatteForImageMatting(network.configuration()).state_dict())


class Doubtful(torch.nn.Module):
    """Answers a level of its own, and another one (`apart` further) where autocasting is on."""

    def __init__(self, apart: float, slope: float = 1.0) -> None:
        super().__init__()
        self.level = torch.nn.Parameter(torch.tensor(0.5))
        self.apart, self.slope = apart, slope

    def forward(self, pixel_values):
        level = self.level.expand(len(pixel_values), 1, *pixel_values.shape[2:])
        if torch.is_autocast_enabled("cpu"):
            level = (level * self.slope + (1 - self.slope) * 0.5) + self.apart
        return SimpleNamespace(alphas=level)


def a_batch():
    """Pixels, alpha and trimap of one picture, all unknown and all foreground."""
    pixels, alpha = torch.zeros((1, 4, 64, 64)), torch.ones((1, 1, 64, 64))
    return pixels, alpha, torch.full((1, 1, 64, 64), 128, dtype=torch.uint8)


def test_rounding_is_let_through(capsys):
    bfloat16.refuse_if_wrong(Doubtful(0.001), a_batch())
    assert "alpha 0.0010 apart" in capsys.readouterr().out


@pytest.mark.parametrize(("apart", "slope"), [(0.3, 1.0), (float("nan"), 1.0), (0.0, 2.0)])
def test_wrong_alphas_and_wrong_gradients_are_refused(apart, slope):
    with pytest.raises(SystemExit, match="does not compute what float32 does"):
        bfloat16.refuse_if_wrong(Doubtful(apart, slope), a_batch())


def test_the_present_processor_computes_what_float32_does():
    """A fresh network: rounding leaves gradients 0.005 to 0.011 of their length apart."""
    torch.manual_seed(0)
    pixels, alpha, trimap = a_batch()
    batch = torch.rand(pixels.shape) * 2 - 1, torch.rand(alpha.shape), trimap
    alpha_apart, gradient_apart = bfloat16.difference(network.build(), batch)
    assert alpha_apart < bfloat16.ALPHA_APART
    assert gradient_apart < 0.05
