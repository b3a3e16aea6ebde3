"""The service as an application: mounted, with workers, within a budget, and what it refuses to start with."""

import http.client
import os
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from support.matting_job import PHOTO, TRIMAP
from support.service_process import RunningService, encoded, environment, running_service, wait_until

from numpy_vitmatte import VitMatteError, estimate_memory, matte
from numpy_vitmatte.cli import main
from numpy_vitmatte.runtime.precision import used_precision

pytest.importorskip("fastapi", reason="the service needs the extra [serve]")

from numpy_vitmatte.serve import ServiceSettings, create_app

pytestmark = pytest.mark.extras


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"lanes": 0}, "lanes is 0; expected a whole number, 1 or more"),
        ({"queue": -1}, "queue is -1; expected a whole number, 0 or more"),
        ({"max_pixels": 0}, "max_pixels is 0; expected a whole number, 1 or more"),
        ({"models": ()}, "there is no model"),
        ({"models": ("no-such-model",)}, "'no-such-model' is neither a bundled checkpoint"),
        ({"models": ("vitmatte-tiny", "vitmatte-tiny")}, "two models are called 'vitmatte-tiny'"),
        ({"timeout": 0}, "timeout is 0; expected seconds, more than 0"),
        ({"token": " "}, "the token is empty"),
        ({"allowed_origins": ("example.org",)}, "origin 'example.org' is none; expected scheme and host"),
        ({"max_upload": "lots"}, "'lots' is not an amount of memory"),
        ({"max_memory": "none"}, "'none' is not an amount of memory"),
        ({"max_memory": "100MB"}, "100MB of memory are not enough for a service with model 'vitmatte-tiny'"),
        ({"threads": 0}, "the number of threads is 0"),
        ({"precision": "low"}, "precision is 'low'; expected highest, high or medium"),
    ],
)
def test_settings_that_make_no_service(settings, sentence):
    with pytest.raises(VitMatteError, match=re.escape(sentence)):
        create_app(ServiceSettings(**settings))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--port 70000", "port is 70000; expected 0 to 65535"),
        ("--model no-such-model", "'no-such-model' is neither a bundled checkpoint"),
        ("--lanes 0", "lanes is 0; expected a whole number, 1 or more"),
    ],
)
def test_the_command_refuses_in_one_line(options, sentence, capsys):
    assert main(["serve", *options.split()]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"numpy-vitmatte: error: {sentence}")


def test_a_port_that_is_taken(service, tmp_path):
    command = [sys.executable, "-m", "numpy_vitmatte", "serve", "--port", str(service.port), "--quiet"]
    run = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=120)
    assert run.returncode == 2
    where = f"cannot listen on 127.0.0.1, port {service.port}"
    assert run.stderr == f"numpy-vitmatte: error: {where}: Address already in use; choose another --port\n"


def test_a_budget_refuses_by_the_header(tmp_path):
    """A photo that does not fit is refused in the sentence of ``matte(max_memory=)``; a smaller one is matted."""
    budget = estimate_memory(1700, 1700) + 60_000_000 + 49_000_000 + 95_000_000
    small, large, huge = (np.full((side, side), 128, np.uint8) for side in (256, 2200, 5000))
    with running_service("--max-memory", budget, log=tmp_path / "log") as service:
        assert service.matte(image=encoded(small), trimap=encoded(small)).status == 200
        answer = service.matte(image=encoded(large), trimap=encoded(large))
        mask = service.post("/v1/trimap", {"mask": encoded(huge)})
    assert (answer.status, answer.json()["error"]["code"]) == (413, "too_large")
    assert re.match(r"a photo of 2200 x 2200 pixels takes \d+MB of memory at least", answer.json()["detail"])
    assert mask.status == 413
    assert mask.json()["detail"].startswith("a trimap of 5000 x 5000 pixels takes 1000MB of memory, and ")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of another process is read from /proc")
def test_the_process_keeps_its_budget(tmp_path):
    """Of each kind of job the largest that is accepted, found by halving; noise is what takes the most.

    And then of each kind the largest between small ones, which are decoded and encoded while it is computed.
    """

    def ask(side, more):
        noise = np.random.default_rng(side).integers(0, 256, (side, side, 3), dtype=np.uint8)
        trimap = np.full((side, side), 128, np.uint8)
        trimap[: side // 2], trimap[-side // 3 :] = 0, 255
        return service.matte(image=encoded(noise), trimap=encoded(trimap), **more).status

    with running_service("--max-memory", "520MB", log=tmp_path / "log") as service:
        for more in ({}, {"output": "cutout"}, {"output": "all", "background": "checkerboard", "linear": 1}):
            low, high = 64, 2400
            while high - low > 128:
                side = (low + high) // 2
                status = ask(side, more)
                assert status in (200, 413)
                low, high = (side, high) if status == 200 else (low, side)
            assert low > 200
            with ThreadPoolExecutor() as clients:
                assert set(clients.map(ask, [200, 190, low, 180, 170], [more] * 5)) == {200}
        peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{service.process.pid}/status").read_text())[1]
    assert int(peak) * 1024 <= 520_000_000


SERVICE = """
from fastapi import FastAPI
from numpy_vitmatte.serve import ServiceSettings, create_app

outer = FastAPI()
outer.mount("/matting", create_app(ServiceSettings()))
"""


SERVERS = {
    "uvicorn": "uvicorn --workers 2 --http h11 --port 0 service:outer",
    "gunicorn": "gunicorn --worker-class uvicorn_worker.UvicornWorker --workers 2 --bind 127.0.0.1:0 service:outer",
}


@pytest.mark.parametrize("server", SERVERS)
def test_workers_and_a_mounted_service(tmp_path, parts, server):
    """Under another server, in another application that knows nothing of its beginning."""
    if server == "gunicorn":
        pytest.importorskip("uvicorn_worker", reason="gunicorn's worker class: extra [serve-test]")
    (tmp_path / "service.py").write_text(SERVICE)
    command = [sys.executable, "-m", *SERVERS[server].split()]
    with open(tmp_path / "log", "wb") as log:
        home = environment(HOME=str(tmp_path))  # where gunicorn keeps a socket
        process = subprocess.Popen(command, cwd=tmp_path, env=home, stdout=log, stderr=log)
    try:
        wait_until(lambda: re.search(r"http://127.0.0.1:\d+", (tmp_path / "log").read_text()))
        address = re.search(r"http://127.0.0.1:\d+", (tmp_path / "log").read_text())[0]
        service = RunningService(process, address)
        wait_until(lambda: answers(service, "/matting/readyz"))
        # Each worker is ready for itself, and which one answers is the system's choice.
        wait_until(lambda: service.post("/matting/v1/matte", parts).status == 200)
        page = service.get("/matting/")
        assert page.status == 200
        assert service.get("/matting/page/main.js").status == 200
        assert service.get("/matting/v1/models", Host="evil.example.org").status == 421
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def answers(service, path):
    try:
        return service.get(path).status == 200
    except (OSError, http.client.HTTPException):
        return False


def test_without_the_extra_the_command_says_how_to_get_it(tmp_path):
    (tmp_path / "fastapi.py").write_text("raise ModuleNotFoundError(\"No module named 'fastapi'\", name='fastapi')")
    paths = environment()["PYTHONPATH"]
    run = subprocess.run(
        [sys.executable, "-m", "numpy_vitmatte", "serve"],
        env=environment(PYTHONPATH=f"{tmp_path}{os.pathsep}{paths}"), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert run.returncode == 2
    assert run.stderr == "numpy-vitmatte: error: the service needs fastapi: pip install 'numpy-vitmatte[serve]'\n"


def test_two_lanes_and_two_models(tmp_path, parts, lively_checkpoint):
    options = [
        "--precision",
        "medium",
        "--lanes",
        2,
        "--model",
        "vitmatte-tiny",
        "--model",
        lively_checkpoint,
        "--max-memory",
        "1GB",
    ]
    with running_service(*options, log=tmp_path / "log") as service:
        answers = []

        def ask(name):
            answers.append((name, service.matte(**parts, model=name, format="npy")))

        threads = [threading.Thread(target=ask, args=(name,)) for name in ["vitmatte-tiny", lively_checkpoint.name] * 4]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert service.get("/v1/models").json()["default"] == "vitmatte-tiny"
    models = ["vitmatte-tiny", lively_checkpoint]
    expected = {Path(model).name: matte(PHOTO, TRIMAP, model, precision="medium") for model in models}
    assert len(answers) == 8
    for name, answer in answers:
        np.testing.assert_array_equal(answer.array(), expected[name])
        assert answer.report()["model"] == name
        assert answer.report()["precision"] == used_precision("medium")
