"""The tensors that several tests of checkpoints write and read."""

import pytest
from support.checkpoint_folders import CONFIG

from numpy_vitmatte.testing import random_checkpoint


@pytest.fixture
def tensors():
    """Those of a tiny network: name -> array."""
    return random_checkpoint(CONFIG)
