"""Settings that every test shares."""

import os

import pytest
from hypothesis import settings

from numpy_vitmatte.kernels import parallel

# No deadline: the first example may compile a kernel. Derandomised: a red run is red again. As plain Python a kernel
# is a thousand times slower, so fewer examples are drawn there.
settings.register_profile(
    "numpy-vitmatte",
    deadline=None,
    derandomize=True,
    max_examples=8 if os.environ.get("NUMBA_DISABLE_JIT") == "1" else 30,
)
settings.load_profile("numpy-vitmatte")


@pytest.fixture
def restored_threads():
    """Give back the number of threads that the test found."""
    before = parallel.get_num_threads()
    yield
    parallel.set_num_threads(before)
