"""Named results inside the network, in the order they are computed: the first that differs is where to look."""

import numpy as np

from numpy_vitmatte.network import forward_by_layers
from numpy_vitmatte.testing import assert_layers_close
from numpy_vitmatte.tracing.network import in_layout

# On these networks float32 PyTorch itself lies this far from float64: alphas 1e-6, probabilities 5e-6, hidden states
# 1e-5 and fused features 2e-5 of their standard deviation. Two float32 computations may lie twice as far from each
# other; the largest differences measured are 1.4e-6, 1.1e-5, 1.2e-5 and 2.3e-5.
ALPHA = 5e-6
PROBABILITY = 5e-5
HIDDEN = 6e-5
"""Of the root mean square of the expected values."""


def of_the_model(model, pixels):
    """Intermediates of our model for a batch, as in a trace; the decoder's, which it does not keep, by layers."""
    out = model(pixels, output_hidden_states=True, output_attentions=True)
    named = {"backbone.embeddings": out.hidden_states[0]}
    for index, probabilities in enumerate(out.attentions):
        named[f"backbone.encoder.layer.{index}.attention.probabilities"] = probabilities
        named[f"backbone.encoder.layer.{index}"] = out.hidden_states[index + 1]
    by_layers = [layers_of(model, image) for image in pixels]
    decoder = [name for name in by_layers[0] if name.startswith("decoder.")]
    return (
        named
        | {name: np.concatenate([layers[name] for layers in by_layers]) for name in decoder}
        | {"alphas": out.alphas}
    )


def layers_of(model, image):
    """What ``forward_by_layers`` records of an image (4, H, W)."""
    kept = {}
    forward_by_layers(np.ascontiguousarray(image.transpose(1, 2, 0)), model.network(), kept.setdefault)
    return {name: in_layout(name, value) for name, value in kept.items()}


def assert_same(actual, expected):
    """Compare all of ``expected`` in its order; raises for the first that differs."""
    for name, value in expected.items():
        value = np.asarray(value)
        alone = name.endswith(".probabilities") and value.shape[-1] == 1  # a single token attends to itself
        assert alone or value.std() > 0, f"{name} is constant: nothing is compared"
    assert_layers_close(actual, expected, HIDDEN, {"alphas": ALPHA, "*.probabilities": PROBABILITY})
