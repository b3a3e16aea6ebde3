"""A tiny checkpoint, and how a folder that holds none is refused."""

import pytest

from numpy_vitmatte.checkpoint.weights import read_tensors
from numpy_vitmatte.errors import CheckpointError
from support.example_configs import tiniest_config

CONFIG = tiniest_config()
QKV = "backbone.encoder.layer.0.attention.qkv.weight"
COUNTER = "decoder.convstream.convs.0.batch_norm.num_batches_tracked"


def refusal(directory, config=CONFIG):
    """The one line with which a checkpoint's folder is refused."""
    with pytest.raises(CheckpointError) as caught:
        read_tensors(directory, config)
    assert "\n" not in str(caught.value)
    return str(caught.value)
