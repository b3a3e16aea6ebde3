"""Memory: amounts in words, the choice of bands, and what processes really take."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.processes import run_python

from numpy_vitmatte import VitMatteConfig, VitMatteError, estimate_memory, get_num_threads, matte
from numpy_vitmatte.network.memory import parse_bytes, plan_network_memory

CONFIG = VitMatteConfig()


@pytest.mark.parametrize(
    ("words", "count"),
    [(5000, 5000), ("5000", 5000), ("2GB", 2 * 10**9), ("1.5 GiB", 3 * 2**29), ("800m", 8 * 10**8), (".5kb", 500)],
)
def test_amounts_of_memory(words, count):
    """Powers of 1000, and of 1024 with an i."""
    assert parse_bytes(words) == count


@pytest.mark.parametrize("words", ["", "much", "2 GX", "-1GB", "0", 0, "0.1", "1e9", "GB"])
def test_what_is_no_amount_of_memory(words):
    with pytest.raises(VitMatteError, match=r"is not an amount of memory; give bytes, or for example 2GB"):
        parse_bytes(words)


@given(height=st.integers(1, 90), width=st.integers(1, 90), allowed=st.integers(10**8, 4 * 10**9))
def test_a_limit_is_kept_or_refused(height, width, allowed):
    """Never more than is allowed; and what is refused would not have fitted with any bands."""
    height, width = 32 * height, 32 * width
    try:
        plan = plan_network_memory(height, width, CONFIG, 0, allowed)
    except VitMatteError as error:
        least = 10**6 * int(str(error).split("takes ")[1].split("MB")[0])
        assert least > allowed - 10**6
        assert plan_network_memory(height, width, CONFIG, 0, least).peak_bytes <= least
    else:
        assert plan.peak_bytes <= allowed
        assert 0 < plan.band_rows <= max(height, 128)


def test_a_photo_that_cannot_fit_is_refused_before_it_starts():
    """The message names what would do."""
    photo, trimap = np.zeros((96, 96, 3), np.uint8), np.full((96, 96), 128, np.uint8)
    with pytest.raises(VitMatteError, match=r"96 x 96 pixels takes \d+MB of memory at least, and 50MB are allowed"):
        matte(photo, trimap, max_memory="50MB")


@pytest.mark.parametrize(("height", "width"), [(0, 5), (5, -1)])
def test_estimate_of_no_photo(height, width):
    with pytest.raises(VitMatteError, match="give positive sides"):
        estimate_memory(height, width)


def test_estimate_grows_in_proportion_to_the_pixels():
    """From 1 to 9 megapixels, without what every process takes: at most to the power of 1.1."""
    small, large = (estimate_memory(side, side) - estimate_memory(1, 1) for side in (1024, 3072))
    assert np.log(large / small) / np.log(9) <= 1.1


MEASURE = """
import re, sys
import numpy as np
from numpy_vitmatte import estimate_memory, matte
height, width, limit = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None
photo = np.zeros((height, width, 3), np.uint8)
trimap = np.full((height, width), 128, np.uint8)
trimap[:9], trimap[-9:] = 0, 255
matte(photo, trimap, max_memory=limit)
# Not getrusage's figure, which a process inherits from the one that started it.
peak = 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
print(estimate_memory(height, width, max_memory=limit), peak)
"""


@pytest.fixture(scope="module")
def compiled():
    """The kernels lie compiled on disk: compiling takes memory, too."""
    run_python("-c", MEASURE, "64", "64")


@pytest.mark.compiled
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the peak is read from Linux's /proc")
@pytest.mark.parametrize("size", [(640, 960), (1536, 1536)], ids=str)
def test_the_estimate_is_near_what_a_process_takes(size, compiled):
    """Within 20 % of the peak of a process of its own, whose kernels were compiled before (by the tests around)."""
    estimate, peak = map(int, run_python("-c", MEASURE, *size).split())
    assert 0.8 * peak <= estimate <= 1.2 * peak


@pytest.mark.compiled
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the peak is read from Linux's /proc")
def test_a_process_keeps_its_limit(compiled):
    """The limit is the least that 1536 x 1536 pixels may take."""
    threads = {"NUMPY_VITMATTE_NUM_THREADS": str(get_num_threads())}  # each thread holds a tile of its own
    with pytest.raises(VitMatteError) as refused:
        estimate_memory(1536, 1536, max_memory="60MB")
    least = 10**6 * int(str(refused.value).split("takes ")[1].split("MB")[0])
    _, peak = map(int, run_python("-c", MEASURE, "1536", "1536", str(least), **threads).split())
    assert peak <= least
