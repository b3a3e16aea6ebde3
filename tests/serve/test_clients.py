"""The clients of docs/serving.md, ``curl`` and Python's standard library, word for word."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.service_process import environment, running_service

from numpy_vitmatte import matte, trimap_from_mask
from numpy_vitmatte.images.value_range import to_integers

pytest.importorskip("fastapi", reason="the service needs the extra [serve]")

pytestmark = pytest.mark.extras

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
DEMO = ROOT / "numpy_vitmatte" / "demo"


@pytest.fixture
def folder(tmp_path):
    for name in ("numpy_vitmatte", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def test_curl_and_the_standard_library(folder):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (commands,) = [block for block in re.findall(r"```bash\n(.*?)```", PAGE, re.S) if "client.py" in block]
    with running_service(log=folder / "log") as service:
        script = commands.replace("http://127.0.0.1:7000", service.address).replace("curl ", "curl --fail --silent ")
        script = script.replace("python ", f'"{sys.executable}" ')
        run = subprocess.run(["bash", "-ec", script], cwd=folder, env=environment(), capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    alpha = matte(DEMO / "photo.jpg", DEMO / "trimap.png")
    for name in ("alpha.png", "again.png"):
        np.testing.assert_array_equal(np.asarray(Image.open(folder / name)), to_integers(alpha))
    assert (folder / "subject.jpg").read_bytes().startswith(b"\xff\xd8\xff")  # JPEG
    trimap = np.asarray(Image.open(folder / "trimap.png"))
    np.testing.assert_array_equal(trimap, trimap_from_mask(DEMO / "trimap.png", 10, "2%"))
    report = re.search(r"^x-matting-report: (.*)$", (folder / "headers").read_text(), re.M | re.I)[1]
    assert run.stdout.splitlines() == json.loads(report)["trimap"]["lines"]
    log = (folder / "log").read_text()
    assert ("POST /v1/matte" in log, "approximation" in log) == (True, False)  # the warm-up's own photo is not told of


def test_a_client_is_told_what_is_wrong(folder, service):
    client = ["docs/serving/client.py", "numpy_vitmatte/demo/trimap.png", "numpy_vitmatte/demo/photo.jpg", "alpha.png"]
    run = subprocess.run(
        [sys.executable, *client, service.address], cwd=folder, env=environment(), capture_output=True, text=True
    )
    assert run.returncode == 1
    assert "Were photo and trimap exchanged?" in run.stderr
    assert not (folder / "alpha.png").exists()
