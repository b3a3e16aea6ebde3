"""Every function of the reference against PyTorch's own module, in float64."""

import numpy as np
import pytest

from numpy_vitmatte import reference
from numpy_vitmatte.testing import assert_within, random_checkpoint, random_pixels, random_tensor, tiny_config, wide

NEEDS = "the [parity] extra is not installed; tests/test_recorded.py compares with recorded activations instead"
torch = pytest.importorskip("torch", reason=NEEDS)
pytest.importorskip("transformers", reason=NEEDS)

import torch.nn.functional as F  # noqa: E402
from support.transformers_models import load, outputs, transformers_config, transformers_model  # noqa: E402
from transformers.models.vitdet import modeling_vitdet as vitdet  # noqa: E402
from transformers.models.vitmatte import modeling_vitmatte as vitmatte  # noqa: E402

pytestmark = pytest.mark.parity

# Two float64 computations of sums of some hundred terms of order 1: 100 * 2**-53 is 1e-14. Measured: 5e-14 after three
# blocks.
TOLERANCE = 1e-12

CONFIG = tiny_config(batch_norm_eps=1e-3, layer_norm_eps=1e-5)
NO_POSITIONS = tiny_config(use_relative_position_embeddings=False, qkv_bias=False)


def random_weights(module, seed=0):
    """A module in float64 with every tensor random, and its tensors."""
    generator = np.random.default_rng(seed)
    state = module.state_dict()
    tensors = {
        name: random_tensor(generator, name, tuple(value.shape)).astype(np.float64)
        for name, value in state.items()
        if value.dtype.is_floating_point
    }
    return load(module, tensors), tensors


def draw(*shape, seed=1):
    return np.random.default_rng(seed).standard_normal(shape)


def to_torch(x):
    """(H, W, C) to a batch of one, channels first."""
    return torch.from_numpy(x.transpose(2, 0, 1)[None].copy())


def from_torch(x):
    """A batch of one, channels first, to (H, W, C)."""
    return x[0].detach().permute(1, 2, 0).numpy()


def test_gelu():
    """Exact, not the approximation with tanh."""
    x = np.concatenate([draw(1000) * 3, [0, 1e-300, -40, 40]])
    assert_within(reference.gelu(x), F.gelu(torch.from_numpy(x)).numpy(), 1e-14)


def test_sigmoid_softmax_relu():
    """Large arguments of both signs among them."""
    x = np.concatenate([draw(5, 7) * 9, [[1000, -1000, 0, 3, -3, 800, -800]]])
    t = torch.from_numpy(x)
    assert_within(reference.sigmoid(x), torch.sigmoid(t).numpy(), 1e-15)
    assert_within(reference.softmax(x), t.softmax(-1).numpy(), 1e-15)
    assert_within(reference.relu(x), t.relu().numpy(), 0)


@pytest.mark.parametrize(("stride", "padding", "size"), [(1, 1, 3), (2, 1, 3), (4, 0, 4), (1, 0, 1), (3, 2, 5)])
@pytest.mark.parametrize("biased", [True, False])
def test_conv(stride, padding, size, biased):
    """Any stride, zero padding and window, on an image they do not divide."""
    module, tensors = random_weights(torch.nn.Conv2d(3, 5, size, stride, padding, bias=biased))
    x = draw(11, 7, 3)
    assert_within(reference.conv(x, tensors, stride, padding), from_torch(module(to_torch(x))), TOLERANCE)


@pytest.mark.parametrize("biased", [True, False])
def test_linear(biased):
    """With and without a bias."""
    module, tensors = random_weights(torch.nn.Linear(5, 7, bias=biased))
    x = draw(2, 3, 5)
    assert_within(reference.linear(x, tensors), module(torch.from_numpy(x)).detach().numpy(), TOLERANCE)


@pytest.mark.parametrize("epsilon", [1e-6, 1e-2])
def test_norms(epsilon):
    """Layer norm over channels, batch norm by stored statistics."""
    x = draw(3, 5, 7) * 2 + 1
    layer, tensors = random_weights(torch.nn.LayerNorm(7, eps=epsilon))
    assert_within(
        reference.layer_norm(x, tensors, epsilon), layer(torch.from_numpy(x)).detach().numpy(), TOLERANCE, "layer norm"
    )
    batch, tensors = random_weights(torch.nn.BatchNorm2d(7, eps=epsilon))
    assert_within(reference.batch_norm(x, tensors, epsilon), from_torch(batch(to_torch(x))), TOLERANCE, "batch norm")


@pytest.mark.parametrize(("source", "target"), [(5, 5), (5, 11), (11, 5), (1, 4), (7, 1), (27, 79), (63, 119)])
def test_linear_resize(source, target):
    """As relative positions are resized."""
    x = draw(source, 3)
    expected = F.interpolate(torch.from_numpy(x.T[None].copy()), size=target, mode="linear")[0].numpy().T
    assert_within(reference.linear_resize(x, target), expected, TOLERANCE)


@pytest.mark.parametrize(("height", "width"), [(14, 14), (40, 60), (3, 5), (1, 20), (13, 15)])
def test_absolute_positions(height, width):
    """Bicubic, larger and smaller, and as stored."""
    table = draw(1, 1 + 14 * 14, 3)
    grid = torch.from_numpy(table[:, 1:].reshape(1, 14, 14, 3)).permute(0, 3, 1, 2)
    expected = F.interpolate(grid, size=(height, width), mode="bicubic", align_corners=False)
    assert_within(reference.absolute_positions(table, height, width), from_torch(expected), TOLERANCE)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 5), (1, 7), (8, 2)])
def test_upsample2(height, width):
    """Bilinear, edges repeated."""
    x = draw(height, width, 3)
    expected = F.interpolate(to_torch(x), scale_factor=2, mode="bilinear", align_corners=False)
    assert_within(reference.upsample2(x), from_torch(expected), TOLERANCE)


@pytest.mark.parametrize(("rows", "length"), [(9, 5), (27, 5), (5, 14), (63, 40)])
def test_relative_positions(rows, length):
    """Tables of the grid's own length, longer and shorter ones."""
    table = draw(rows, 3)
    expected = vitdet.get_rel_pos(length, length, torch.from_numpy(table)).numpy()
    assert_within(reference.relative_positions(table, length), expected, TOLERANCE)


@pytest.mark.parametrize("config", [CONFIG, tiny_config(use_absolute_position_embeddings=False)])
@pytest.mark.parametrize(("height", "width"), [(80, 80), (112, 48)])
def test_patch_embed(config, height, width):
    """On the pretraining grid, where positions are added as stored, and on another; without positions."""
    module, tensors = random_weights(vitdet.VitDetEmbeddings(transformers_config(config).backbone_config))
    x = draw(height, width, 4)
    assert_within(reference.patch_embed(x, tensors), from_torch(module(to_torch(x))), TOLERANCE)


@pytest.mark.parametrize("config", [CONFIG, NO_POSITIONS, tiny_config(num_attention_heads=1)])
@pytest.mark.parametrize(("height", "width"), [(6, 6), (5, 7), (1, 4)])
def test_attention(config, height, width):
    """Tables stored for a 6 x 6 grid; result and probabilities, of which some are nearly 1."""
    backbone = transformers_config(config).backbone_config
    module, tensors = random_weights(vitdet.VitDetAttention(backbone, input_size=(6, 6)))
    x = 3 * draw(height, width, config.hidden_size)
    expected, probability = module(torch.from_numpy(x[None]), output_attentions=True)
    own, own_probability = reference.attention(x, tensors, backbone.num_attention_heads)
    assert_within(own_probability, probability[0].detach().numpy(), TOLERANCE, "probabilities")
    assert_within(own, expected[0].detach().numpy(), TOLERANCE, "result")
    assert own_probability.max() > 0.9


def test_mlp():
    """Hidden width 2.5 times the width."""
    module, tensors = random_weights(vitdet.VitDetMlp(transformers_config(CONFIG).backbone_config, 18, 45))
    x = draw(3, 5, 18)
    assert_within(reference.mlp(x, tensors), module(torch.from_numpy(x)).detach().numpy(), TOLERANCE)


def test_residual_neck():
    """With ``norm3`` random, where a fresh module has zeros."""
    backbone = transformers_config(CONFIG).backbone_config
    module, tensors = random_weights(vitdet.VitDetResBottleneckBlock(backbone, 18, 18, 9))
    x = draw(5, 7, 18)
    assert_within(reference.residual_neck(x, tensors), from_torch(module(to_torch(x))), TOLERANCE)


@pytest.mark.parametrize("window", [0, 4, 5, 9])
@pytest.mark.parametrize("neck", [False, True])
def test_block(window, neck):
    """Windows that divide the 8 x 12 grid, do not, and reach beyond it; global attention; with and without a neck."""
    backbone = transformers_config(CONFIG).backbone_config
    module, tensors = random_weights(vitdet.VitDetLayer(backbone, window_size=window, use_residual_block=neck))
    x = draw(8, 12, 18)
    expected, probability = module(to_torch(x), output_attentions=True)
    own, own_probability = reference.block(x, tensors, 3, window, backbone.layer_norm_eps)
    assert_within(own_probability, probability.detach().numpy(), TOLERANCE, "probabilities")
    assert_within(own, from_torch(expected), TOLERANCE, "result")


def test_convstream():
    """Maps from the picture to 1/8 of its size."""
    module, tensors = random_weights(vitmatte.VitMatteConvStream(transformers_config(CONFIG)))
    x = draw(48, 32, 4)
    maps = reference.convstream(x, tensors, CONFIG.batch_norm_eps)
    expected = module(to_torch(x))
    assert len(maps) == len(expected) == 4
    for index, own in enumerate(maps):
        assert_within(own, from_torch(expected[f"detailed_feature_map_{index}"]), TOLERANCE, f"map {index}")


def test_fusion_block():
    """The detail map comes first."""
    module, tensors = random_weights(vitmatte.VitMatteFusionBlock(transformers_config(CONFIG), 5 + 7, 11))
    features, detail = draw(3, 5, 7), draw(6, 10, 5, seed=2)
    own = reference.fusion_block(features, detail, tensors, CONFIG.batch_norm_eps)
    assert_within(own, from_torch(module(to_torch(features), to_torch(detail))), TOLERANCE)


def test_matting_head():
    """Its batch norm keeps PyTorch's own epsilon; the sigmoid is applied outside transformers' module."""
    module, tensors = random_weights(vitmatte.VitMatteHead(transformers_config(CONFIG)))
    x = draw(7, 11, 5)
    expected = from_torch(torch.sigmoid(module(to_torch(x))))[..., 0]
    assert_within(reference.matting_head(x, tensors), expected, TOLERANCE)


@pytest.mark.parametrize("changes", [{}, {"out_features": ("stage2",)}, {"window_size": 0, "window_block_indices": ()}])
def test_vitmatte(changes):
    """The whole network, every intermediate that transformers hands out among the recorded ones."""
    config = tiny_config(batch_norm_eps=1e-3, **changes)
    tensors = wide(random_checkpoint(config))
    pixels = random_pixels(1, 4, 112, 48).astype(np.float64)
    alphas, hidden, attentions = outputs(transformers_model(config, tensors), pixels)
    kept = {}
    alpha = reference.vitmatte(pixels[0].transpose(1, 2, 0), tensors, config, kept.setdefault)
    names = [f"backbone.encoder.layer.{index}" for index in range(3)]
    for index, name in enumerate(["backbone.embeddings", *names]):
        assert_within(kept[name], hidden[index][0].transpose(1, 2, 0), TOLERANCE, name)
    for name, expected in zip(names, attentions, strict=True):
        probabilities = kept[f"{name}.attention.probabilities"]
        assert_within(probabilities.reshape(expected.shape), expected, TOLERANCE, f"{name}, probabilities")
    assert_within(alpha, alphas[0, 0], TOLERANCE, "alpha")
    assert kept["alphas"] is alpha
