"""Named results inside the network, in the order they are computed: the first that differs is where to look."""

import numpy as np

from numpy_vitmatte.layers.convstream import convstream
from numpy_vitmatte.layers.fusion import fusion_block
from numpy_vitmatte.testing import assert_layers_close

# On these networks float32 PyTorch itself lies this far from float64: alphas 1e-6, probabilities 5e-6, hidden states
# 1e-5 and fused features 2e-5 of their standard deviation. Two float32 computations may lie twice as far from each
# other; the largest differences measured are 1.4e-6, 1.1e-5, 1.2e-5 and 2.3e-5.
ALPHA = 5e-6
ATTENTION = 5e-5
HIDDEN = 6e-5
"""Of the root mean square of the expected values."""


def of_the_model(model, pixels):
    """Intermediates of our model for a batch, channels first as in transformers, under the names of the reference."""
    out = model(pixels, output_hidden_states=True, output_attentions=True)
    named = {"embeddings": out.hidden_states[0]}
    for index, attention in enumerate(out.attentions):
        named[f"layer.{index}.attention"] = attention
        named[f"layer.{index}"] = out.hidden_states[index + 1]
    decoder, feature_index = model._network.decoder, model.config.backbone_config.feature_index
    for picture, features in zip(pixels, out.hidden_states[feature_index], strict=True):
        details = convstream(np.ascontiguousarray(picture.transpose(1, 2, 0)), decoder.convstream)
        x = np.ascontiguousarray(features.transpose(1, 2, 0))
        for index, (detail, block) in enumerate(zip(reversed(details), decoder.fusion_blocks, strict=True)):
            x = fusion_block(x, detail, block)
            named.setdefault(f"detail.{index}", []).append(detail[1:-1, 1:-1].transpose(2, 0, 1))
            named.setdefault(f"fusion_blocks.{index}", []).append(x.transpose(2, 0, 1))
    return {name: np.asarray(value) for name, value in named.items()} | {"alpha": out.alphas}


def assert_same(actual, expected):
    """Compare all of ``expected`` in its order; raises for the first that differs."""
    for name, value in expected.items():
        value = np.asarray(value)
        alone = name.endswith(".attention") and value.shape[-1] == 1  # a single token attends to itself
        assert alone or value.std() > 0, f"{name} is constant: nothing is compared"
    assert_layers_close(actual, expected, HIDDEN, {"alpha": ALPHA, "*.attention": ATTENTION})
