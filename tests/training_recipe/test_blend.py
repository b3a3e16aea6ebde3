"""Weights between two others."""

import pytest

pytest.importorskip("torch", reason="weights are blended with torch ([train] extra)")
pytest.importorskip("transformers", reason="the recipe loads transformers' own network ([train] extra)")

import torch
from training.blend import between

pytestmark = pytest.mark.extras("torch")


def test_a_share_of_the_way():
    old = {"weight": torch.tensor([1.0, -2.0]), "count": torch.tensor(3)}
    new = {"weight": torch.tensor([3.0, 2.0]), "count": torch.tensor(8)}
    assert between(old, new, 0.25)["weight"].tolist() == [1.5, -1.0]
    assert between(old, new, 0.25)["count"] == 8
    for share, end in ((0.0, old), (1.0, new)):
        assert torch.equal(between(old, new, share)["weight"], end["weight"])
