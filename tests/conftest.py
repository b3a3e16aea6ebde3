"""Settings that every test shares."""

import os

# Before NumPy and PyTorch are loaded: they multiply small matrices, here and in the processes that tests start, and two
# threads take several times as long for them as one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import settings
from support.example_configs import tiniest_config
from support.fake_hub import FakeHub
from support.skips import (  # noqa: F401  (hooks of pytest)
    pytest_addoption,
    pytest_make_collect_report,
    pytest_runtest_makereport,
    pytest_runtest_setup,
)

from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.processing import VitMatteImageProcessor
from numpy_vitmatte.runtime import threads
from numpy_vitmatte.runtime.workspace import Workspace

# No deadline: the first example may compile a kernel. Derandomized: a red run is red again. As plain Python a kernel
# is a thousand times slower, so fewer examples are drawn there.
settings.register_profile(
    "numpy-vitmatte",
    deadline=None,
    derandomize=True,
    max_examples=15 if os.environ.get("NUMBA_DISABLE_JIT") == "1" else 60,
)
settings.load_profile("numpy-vitmatte")


@pytest.fixture(autouse=os.environ.get("NUMBA_DISABLE_JIT") == "1")
def poisoned_memory(monkeypatch):
    """Kernels as plain Python: memory holds NaN, new or handed on, so that a number read too early shows every time."""
    empty = np.empty

    def poisoned(*arguments, **keywords):
        array = empty(*arguments, **keywords)
        if array.dtype.kind == "f":
            array.fill(np.nan)
        return array

    def poisoned_again(memory, shape):
        array = cut(memory, shape)
        array.fill(np.nan)
        return array

    cut = Workspace.empty
    monkeypatch.setattr(np, "empty", poisoned)
    monkeypatch.setattr(Workspace, "empty", poisoned_again)


@pytest.fixture(autouse=True)
def restored_threads():
    """Give back the number of threads that the test found: a command's --threads stays set in the process."""
    before = threads.get_num_threads()
    yield
    threads.set_num_threads(before)


@pytest.fixture(scope="session")
def lively_checkpoint(tmp_path_factory):
    """A checkpoint folder whose random weights are large enough for alphas between 0.03 and 1."""
    config = tiniest_config()
    backbone = replace(config.backbone_config, initializer_range=0.5)
    folder = tmp_path_factory.mktemp("lively")
    VitMatteForImageMatting.from_config(
        replace(config, backbone_config=backbone, initializer_range=0.5)
    ).save_pretrained(folder)
    VitMatteImageProcessor().save_pretrained(folder)
    return folder


@pytest.fixture
def hub_environment(tmp_path, monkeypatch):
    """An empty cache, and nothing else that the environment says about hubs and proxies."""
    for name in os.environ:
        if name.startswith(("HF_", "HUGGING", "TRANSFORMERS_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf-home"))


@pytest.fixture
def hub(hub_environment, tmp_path, monkeypatch):
    """A hub on this machine, named by the environment, to which huggingface_hub speaks plain HTTP."""
    library = pytest.importorskip("huggingface_hub", reason="the [hub] extra is not installed")
    constants = pytest.importorskip("huggingface_hub.constants", reason="the [hub] extra is not installed")
    settings = {
        "HF_HUB_OFFLINE": False, "HF_HUB_DISABLE_XET": True, "HF_TOKEN_PATH": str(tmp_path / "hf-home/token"),
        "HF_HUB_DOWNLOAD_TIMEOUT": 60, "HF_HUB_ETAG_TIMEOUT": 60,
    }  # fmt: skip
    for name, value in settings.items():  # read when it was imported
        monkeypatch.setattr(constants, name, value)
    with FakeHub().serving() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        library.close_session()  # it keeps the proxies of the environment
        yield hub
    library.close_session()


@pytest.fixture(scope="session")
def lively_files(lively_checkpoint):
    """The files of that checkpoint: name -> bytes."""
    return {path.name: path.read_bytes() for path in lively_checkpoint.iterdir()}
