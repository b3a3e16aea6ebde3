"""One cache for two programs: huggingface_hub finds what was downloaded here, and the other way round."""

import pytest
from support.processes import run_python

from numpy_vitmatte.hub.fetch import fetch
from numpy_vitmatte.hub.resolve import checkpoint_directory
from numpy_vitmatte.pipeline.verification import check_files

pytestmark = pytest.mark.parity

pytest.importorskip("huggingface_hub", reason="the [parity] extra is not installed; test_hub.py has the layout by hand")

NAME = "tester/lively"
NAMES = ("config.json", "preprocessor_config.json", "model.safetensors")


def huggingface_hub_files(name, **environment):
    """Where huggingface_hub, in a process of its own (it reads its settings once), has the files."""
    code = "from huggingface_hub import hf_hub_download as get; import sys; " + (
        f"print(*(get({name!r}, file) for file in {NAMES}), sep='\\n')"
    )
    return run_python("-c", code, HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_TELEMETRY="1", **environment).splitlines()


def test_what_huggingface_hub_downloads_is_found(hub, lively_files):
    commit = hub.add(NAME, lively_files)
    paths = huggingface_hub_files(NAME)
    hub.requests.clear()
    snapshot = checkpoint_directory(NAME)
    assert paths == [str(snapshot / file) for file in NAMES]
    assert snapshot.name == commit
    assert hub.requests == []
    assert all(check.agrees for check in check_files(snapshot))
    fetch(NAME, recheck=True)
    assert hub.bodies() == []


def test_what_is_downloaded_here_is_found_by_huggingface_hub(hub, lively_files):
    hub.add(NAME, lively_files)
    snapshot = fetch(NAME)
    hub.requests.clear()
    assert huggingface_hub_files(NAME, HF_HUB_OFFLINE="1") == [str(snapshot / file) for file in NAMES]
    assert huggingface_hub_files(NAME) == [str(snapshot / file) for file in NAMES]
    assert hub.bodies() == []
