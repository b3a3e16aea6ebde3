"""The estimate of a run's memory, and the limit that it is compared with."""

from pathlib import Path

import pytest

from numpy_vitmatte import VitMatteConfig
from numpy_vitmatte.errors import MemoryLimitError, VitMatteError
from numpy_vitmatte.training.finetuning.memory import require_memory, run_memory
from numpy_vitmatte.training.finetuning.settings import Settings

# Peaks of processes that trained vitmatte-tiny on 40 pictures of 256 pixels, in MB, with compiled kernels.
MEASURED = [({"batch": 4}, 368), ({"batch": 16, "train": "all"}, 854)]
PICTURES = 40 * 256**2 * 11


def settings(**options):
    return Settings(Path("photos"), Path("alphas"), **options)


@pytest.mark.parametrize(("options", "megabytes"), MEASURED, ids=str)
def test_the_estimate_is_near_what_was_measured(options, megabytes):
    """Between nine tenths of it, by which threads and the allocator make it differ, and a quarter more."""
    config = VitMatteConfig.from_pretrained("vitmatte-tiny")
    assert 0.9 * megabytes < run_memory(settings(**options), config, PICTURES) / 1e6 < 1.25 * megabytes


def test_a_limit_refuses_what_takes_more():
    config = VitMatteConfig.from_pretrained("vitmatte-tiny")
    require_memory(settings(max_memory="1GB"), config, PICTURES)
    with pytest.raises(
        MemoryLimitError, match=r"16 squares of 512 pixels take \d+ MB, more than max_memory allows \(1GB\)"
    ):
        require_memory(settings(max_memory="1GB", batch=16, crop=512), config, PICTURES)
    with pytest.raises(VitMatteError, match="not an amount of memory"):
        settings(max_memory="lots")


def test_a_run_may_go_on_with_another_limit():
    assert settings(max_memory="1GB").record() == settings().record()
