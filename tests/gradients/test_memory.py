"""The estimate of the gradients' memory beside what Python and NumPy allocate."""

import tracemalloc

import numpy as np
import pytest

from numpy_vitmatte.gradients.memory import gradients_memory
from numpy_vitmatte.gradients.network import Weights, network_gradients
from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.network import pack_network
from numpy_vitmatte.runtime.threads import set_num_threads
from numpy_vitmatte.training.losses import Loss


@pytest.mark.parametrize("frozen_norms", [True, False], ids=["frozen norms", "own statistics"])
@pytest.mark.parametrize("decoder_alone", [False, True])
@pytest.mark.parametrize(("batch", "height", "width"), [(1, 320, 320), (3, 192, 256)])
def test_estimate(batch, height, width, decoder_alone, frozen_norms):
    """At least what is allocated, and at most half as much again.

    On one thread: each has scratch memory of its own from its first block on, and whether another has had one by the
    second call is chance.
    """
    set_num_threads(1)
    model = VitMatteForImageMatting.from_pretrained("vitmatte-tiny")
    weights = Weights(model.tensors, pack_network(model.tensors, model.config), model.config)
    images = np.random.default_rng(0).standard_normal((batch, height, width, 4)).astype(np.float32)
    chosen = [name for name in model.tensors if name.startswith("decoder.") or not decoder_alone]
    loss = Loss(0.0, np.ones(images.shape[:3], np.float32), {})
    network_gradients(images, weights, lambda alphas: loss, chosen, frozen_norms)  # compiles
    tracemalloc.start()
    network_gradients(images, weights, lambda alphas: loss, chosen, frozen_norms)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    estimate = gradients_memory(batch, height, width, model.config, decoder_alone, frozen_norms)
    assert peak <= estimate <= 1.5 * peak
