"""Names and shapes of a network's tensors are those of transformers' checkpoints."""

import math

import pytest
from support.example_configs import NETWORKS, with_backbone

from numpy_vitmatte.checkpoint.tensor_shapes import batch_counter_names, parameter_shapes
from numpy_vitmatte.configuration import VitMatteConfig


# Counts of tensors and of values as transformers 5.23 reports them for the published configurations.
@pytest.mark.parametrize(("name", "tensors", "values"), [("small", 250, 25_816_417), ("base", 250, 96_688_225)])
def test_published_networks(name, tensors, values):
    shapes = parameter_shapes(NETWORKS[name])
    assert len(shapes) == tensors
    assert sum(math.prod(shape) for shape in shapes.values()) == values
    assert len(batch_counter_names(NETWORKS[name])) == 8


def test_tensors_of_the_small_model():
    expected = {
        "backbone.embeddings.position_embeddings": (1, 197, 384),
        "backbone.embeddings.projection.weight": (384, 4, 16, 16),
        "backbone.encoder.layer.0.attention.rel_pos_h": (27, 64),
        "backbone.encoder.layer.2.attention.rel_pos_w": (63, 64),
        "backbone.encoder.layer.11.attention.qkv.weight": (1152, 384),
        "backbone.encoder.layer.11.mlp.fc2.weight": (384, 1536),
        "backbone.encoder.layer.5.residual.conv2.weight": (192, 192, 3, 3),
        "backbone.encoder.layer.8.residual.norm3.bias": (384,),
        "decoder.convstream.convs.2.conv.weight": (192, 96, 3, 3),
        "decoder.fusion_blocks.0.conv.conv.weight": (256, 576, 3, 3),
        "decoder.fusion_blocks.3.conv.batch_norm.running_var": (32,),
        "decoder.matting_head.matting_convs.0.weight": (16, 32, 3, 3),
        "decoder.matting_head.matting_convs.3.bias": (1,),
    }
    shapes = parameter_shapes(VitMatteConfig())
    assert {name: shapes[name] for name in expected} == expected
    assert "backbone.encoder.layer.0.residual.conv1.weight" not in shapes
    assert "decoder.convstream.convs.0.conv.bias" not in shapes


def test_tensors_of_odd_networks():
    tiny = parameter_shapes(NETWORKS["tiny"])
    assert tiny["backbone.embeddings.position_embeddings"] == (1, 10, 6)
    # windows of 3 x 3 in block 0; block 1 sees the whole grid, 5 rows and 7 columns
    assert tiny["backbone.encoder.layer.0.attention.rel_pos_w"] == (5, 3)
    assert tiny["backbone.encoder.layer.1.attention.rel_pos_h"] == (9, 3)
    assert tiny["backbone.encoder.layer.1.attention.rel_pos_w"] == (13, 3)
    # the neck's bottleneck is half as wide, rounded down
    odd = parameter_shapes(NETWORKS["one-head-odd-width"])
    assert odd["backbone.encoder.layer.1.residual.conv1.weight"] == (3, 7, 1, 1)
    assert not any(name.endswith("qkv.bias") for name in parameter_shapes(NETWORKS["no-qkv-bias"]))
    assert not any(".rel_pos_" in name for name in parameter_shapes(NETWORKS["no-relative-positions"]))


def test_network_without_absolute_positions():
    # transformers 5.23 fails on this one, since its initialization takes the table for granted: no comparison there.
    config = with_backbone(NETWORKS["tiny"], use_absolute_position_embeddings=False)
    missing = parameter_shapes(NETWORKS["tiny"]).keys() - parameter_shapes(config).keys()
    assert missing == {"backbone.embeddings.position_embeddings"}


@pytest.mark.parity
@pytest.mark.parametrize("name", NETWORKS)
def test_state_dict_of_transformers(name):
    reason = "compares with transformers, of the [parity] extra"
    torch = pytest.importorskip("torch", reason=reason)
    transformers = pytest.importorskip("transformers", reason=reason)
    config = NETWORKS[name]
    with torch.device("meta"):
        model = transformers.VitMatteForImageMatting(transformers.VitMatteConfig.from_dict(config.to_dict()))
    theirs = {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}
    counters = batch_counter_names(config)
    assert {name: theirs.pop(name) for name in counters} == dict.fromkeys(counters, ())
    # The order counts too: it is the order in which random weights are drawn.
    assert list(theirs.items()) == list(parameter_shapes(config).items())
