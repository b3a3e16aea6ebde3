"""Weights between two others."""

import numpy as np
from training.blend import LAST_BIAS, between, shifted


def test_a_share_of_the_way():
    old, new = {"weight": np.array([1, -2], np.float32)}, {"weight": np.array([3, 2], np.float32)}
    assert between(old, new, 0.25)["weight"].tolist() == [1.5, -1.0]
    assert between(old, new, 0.25)["weight"].dtype == np.float32
    for share, end in ((0.0, old), (1.0, new)):
        assert between(old, new, share)["weight"].tolist() == end["weight"].tolist()


def test_a_shift_raises_the_logit_alone():
    tensors = {LAST_BIAS: np.array([0.25], np.float32), "weight": np.array([1, -2], np.float32)}
    found = shifted(tensors, 0.5)
    assert found[LAST_BIAS].tolist() == [0.75]
    assert found[LAST_BIAS].dtype == np.float32
    assert found["weight"] is tensors["weight"]
    assert tensors[LAST_BIAS].tolist() == [0.25]
