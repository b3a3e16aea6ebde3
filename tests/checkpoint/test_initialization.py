"""Fresh weights: the same seed, the same weights; distributed tensor by tensor as transformers' are."""

from dataclasses import replace

import numpy as np
import pytest
from support.example_configs import tiniest_config, with_backbone

from numpy_vitmatte.checkpoint.initialization import random_parameters
from numpy_vitmatte.checkpoint.tensor_shapes import parameter_shapes

# Two widths, so that it shows which part draws with which; the backbone's is wide enough for the cut at 2 to act.
BACKBONE_STD, DECODER_STD = 1.5, 0.3
CONFIG = replace(
    with_backbone(tiniest_config(), hidden_size=48, initializer_range=BACKBONE_STD),
    initializer_range=DECODER_STD,
    convstream_hidden_sizes=(32,),
    fusion_hidden_sizes=(64, 32),
)

# Of a normal distribution of deviation s = 1.5 cut at 2: s * sqrt(1 - 2 b pdf(b) / (2 cdf(b) - 1)) with b = 2 / s.
CUT_STD = 1.0229

EXPECTED = {
    "backbone.embeddings.position_embeddings": CUT_STD,
    "backbone.embeddings.projection.weight": CUT_STD,
    "backbone.embeddings.projection.bias": 0,
    "backbone.encoder.layer.0.attention.qkv.weight": CUT_STD,
    "backbone.encoder.layer.1.attention.rel_pos_h": CUT_STD,
    "backbone.encoder.layer.2.mlp.fc2.weight": CUT_STD,
    "backbone.encoder.layer.1.residual.conv1.weight": (2 / 24) ** 0.5,
    "backbone.encoder.layer.1.residual.conv2.weight": (2 / (24 * 9)) ** 0.5,
    "backbone.encoder.layer.1.residual.conv3.weight": (2 / 48) ** 0.5,
    "backbone.encoder.layer.1.residual.norm3.weight": 0,
    "decoder.convstream.convs.0.conv.weight": DECODER_STD,
    "decoder.fusion_blocks.0.conv.conv.weight": DECODER_STD,
    "decoder.fusion_blocks.0.conv.batch_norm.weight": DECODER_STD,
    "decoder.fusion_blocks.0.conv.batch_norm.running_mean": 0,
    "decoder.matting_head.matting_convs.0.weight": DECODER_STD,
    "decoder.matting_head.matting_convs.3.bias": 0,
}


def sampling_error(values: np.ndarray) -> float:
    """How far mean and deviation of so many draws may stray: six standard errors of the mean."""
    return 6 * values.std() / values.size**0.5


@pytest.mark.parametrize("name", EXPECTED)
def test_deviation(name):
    values = random_parameters(CONFIG, seed=1)[name]
    assert abs(values.mean()) <= sampling_error(values)
    assert abs(values.std() - EXPECTED[name]) <= sampling_error(values)


@pytest.mark.parametrize("name", ["norm1.weight", "residual.norm2.weight", "norm2.weight"])
def test_norms_begin_as_ones(name):
    assert (random_parameters(CONFIG, seed=1)[f"backbone.encoder.layer.1.{name}"] == 1).all()


def test_tensors_and_types():
    tensors = random_parameters(CONFIG, seed=1)
    assert {name: tensor.shape for name, tensor in tensors.items()} == parameter_shapes(CONFIG)
    assert {tensor.dtype for tensor in tensors.values()} == {np.dtype(np.float32)}


def test_seed_decides():
    first, again, other = (random_parameters(tiniest_config(), seed) for seed in (5, 5, 6))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    name = "backbone.embeddings.projection.weight"
    assert not np.array_equal(first[name], other[name])
    # and no tensor repeats another of its shape
    blocks = [first[f"backbone.encoder.layer.{block}.mlp.fc1.weight"] for block in (0, 1)]
    assert not np.array_equal(*blocks)


@pytest.mark.parity
def test_distributed_as_in_transformers():
    reason = "compares with transformers, of the [parity] extra"
    torch = pytest.importorskip("torch", reason=reason)
    transformers = pytest.importorskip("transformers", reason=reason)
    torch.manual_seed(0)
    fresh = transformers.VitMatteForImageMatting(transformers.VitMatteConfig.from_dict(CONFIG.to_dict()))
    theirs = {name: tensor.numpy() for name, tensor in fresh.state_dict().items() if tensor.dtype == torch.float32}
    ours = random_parameters(CONFIG, seed=1)
    assert list(ours) == list(theirs)
    for name, mine in ours.items():
        their = theirs[name]
        allowed = sampling_error(mine) + sampling_error(their)
        assert abs(mine.mean() - their.mean()) <= allowed, name
        assert abs(mine.std() - their.std()) <= allowed, name
        # constants are the same constants, and what is cut is cut at the same place
        assert (np.ptp(mine) == 0) == (np.ptp(their) == 0) or mine.size == 1, name
        assert (np.abs(mine).max() <= 2) == (np.abs(their).max() <= 2), name
