"""Settings that every test shares."""

import os
from dataclasses import replace

import pytest
from example_configs import tiny_config
from hypothesis import settings

from numpy_vitmatte.kernels import parallel
from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.processing import VitMatteImageProcessor

# No deadline: the first example may compile a kernel. Derandomised: a red run is red again. As plain Python a kernel
# is a thousand times slower, so fewer examples are drawn there.
settings.register_profile(
    "numpy-vitmatte",
    deadline=None,
    derandomize=True,
    max_examples=15 if os.environ.get("NUMBA_DISABLE_JIT") == "1" else 60,
)
settings.load_profile("numpy-vitmatte")


@pytest.fixture
def restored_threads():
    """Give back the number of threads that the test found."""
    before = parallel.get_num_threads()
    yield
    parallel.set_num_threads(before)


@pytest.fixture(scope="session")
def lively_checkpoint(tmp_path_factory):
    """A checkpoint folder whose random weights are large enough for alphas between 0.03 and 1."""
    config = tiny_config()
    backbone = replace(config.backbone_config, initializer_range=0.5)
    folder = tmp_path_factory.mktemp("lively")
    VitMatteForImageMatting.from_config(
        replace(config, backbone_config=backbone, initializer_range=0.5)
    ).save_pretrained(folder)
    VitMatteImageProcessor().save_pretrained(folder)
    return folder
