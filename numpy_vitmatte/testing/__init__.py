"""Assertions, random checkpoints and Hypothesis strategies for tests of ViTMatte's layers, this package's and yours.

``numpy_vitmatte.testing.strategies`` needs Hypothesis, of the extra ``[test]``; nothing else here does.
"""

from numpy_vitmatte.testing.assertions import (
    UNIT,
    assert_float32,
    assert_layers_close,
    assert_within,
    summation_bound,
)
from numpy_vitmatte.testing.checkpoints import (
    random_checkpoint,
    random_pixels,
    random_tensor,
    random_tensors,
    random_tokens,
    tiny_config,
    wide,
)

__all__ = [
    "UNIT",
    "assert_float32",
    "assert_layers_close",
    "assert_within",
    "random_checkpoint",
    "random_pixels",
    "random_tensor",
    "random_tensors",
    "random_tokens",
    "summation_bound",
    "tiny_config",
    "wide",
]
