"""Names alone give the order of the network."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte.tracing.layer_order import network_order

IN_ORDER = [
    "pixel_values",
    "backbone.embeddings.projection",
    "backbone.embeddings",
    "backbone.encoder.layer.2.norm1",
    "backbone.encoder.layer.2.attention.qkv",
    "backbone.encoder.layer.2.attention.probabilities",
    "backbone.encoder.layer.2.attention.proj",
    "backbone.encoder.layer.2.attention",
    "backbone.encoder.layer.2.norm2",
    "backbone.encoder.layer.2.mlp.fc1",
    "backbone.encoder.layer.2.mlp",
    "backbone.encoder.layer.2.residual.conv1",
    "backbone.encoder.layer.2.residual.norm1",
    "backbone.encoder.layer.2.residual.conv2",
    "backbone.encoder.layer.2.residual.norm2",
    "backbone.encoder.layer.2.residual.conv3",
    "backbone.encoder.layer.2.residual.norm3",
    "backbone.encoder.layer.2.residual",
    "backbone.encoder.layer.2",
    "backbone.encoder.layer.10",
    "backbone.encoder",
    "backbone",
    "decoder.convstream.convs.0.conv",
    "decoder.convstream.convs.0.batch_norm",
    "decoder.convstream.convs.0",
    "decoder.convstream.convs.1",
    "decoder.fusion_blocks.0.conv.conv",
    "decoder.fusion_blocks.0.conv.batch_norm",
    "decoder.fusion_blocks.0",
    "decoder.matting_head.matting_convs.0",
    "decoder.matting_head.matting_convs.1",
    "decoder.matting_head",
    "alphas",
    "a name of another tool",
    "loss",
]


@pytest.mark.parametrize("seed", range(5))
def test_order(seed):
    shuffled = [str(name) for name in np.random.default_rng(seed).permutation(IN_ORDER)]
    assert network_order(shuffled) == IN_ORDER


@given(st.lists(st.text(alphabet="a.0²٣ -", max_size=8) | st.from_regex(r"layer\.\d{1,30}"), unique=True))
def test_any_names_have_one_order(names):
    """Nothing that a file may hold as a name breaks it, not even digits of other scripts."""
    order = network_order(names)
    assert sorted(order) == sorted(names)
    assert network_order(reversed(names)) == order
