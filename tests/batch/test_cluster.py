"""The same folder on a Dask cluster of two workers, one of which is killed midway."""

import json
import os
import subprocess
import sys

import pytest
from support.folder_jobs import hidden, make_folders, outputs, start_batch

from numpy_vitmatte._version import __version__
from numpy_vitmatte.batch import cluster
from numpy_vitmatte.batch.job import FolderOptions, Job
from numpy_vitmatte.cli import main
from numpy_vitmatte.errors import VitMatteError

pytestmark = pytest.mark.extras("distributed")

distributed = pytest.importorskip("distributed", reason="the [dask] extra is not installed; .ci/run installs it")

PHOTOS = 40


def start(module, *arguments):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", f"distributed.cli.{module}", "--no-dashboard", *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def scheduler(tmp_path):
    """A scheduler and two workers: its address and the workers' processes."""
    file = tmp_path / "scheduler.json"
    processes = [start("dask_scheduler", "--host", "127.0.0.1", "--port", 0, "--scheduler-file", file)]
    try:
        for _ in range(2):
            folder = ("--local-directory", tmp_path / "dask")
            processes.append(start("dask_worker", "--scheduler-file", file, "--no-nanny", "--nthreads", 2, *folder))
        with distributed.Client(scheduler_file=str(file), timeout=120, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=120)
        yield json.loads(file.read_text())["address"], processes[1:]
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX's")
def test_every_photo_gets_one_output_though_a_worker_is_killed(tmp_path, lively_checkpoint, scheduler):
    address, workers = scheduler
    make_folders(tmp_path, PHOTOS, size=(96, 128))
    (tmp_path / "photos" / "07.png").write_bytes(b"no picture")
    expected_process = start_batch(tmp_path, "--model", lively_checkpoint, "--quiet", output="local")
    expected_process.communicate(timeout=300)
    process = start_batch(tmp_path, "--model", lively_checkpoint, "--scheduler", address, "--json")
    lines = []
    while len(lines) < 4:  # the start and three photos
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        lines.append(line)
    workers[0].kill()
    rest, err = process.communicate(timeout=300)
    events = [json.loads(line) for line in [*lines, *rest.splitlines()]]
    photos = [event for event in events if event["event"] == "photo"]
    assert sorted(event["stem"] for event in photos) == [f"{index:02}" for index in range(PHOTOS)]
    assert [event["stem"] for event in photos if event["status"] == "failed"] == ["07"]
    assert process.returncode == 1
    assert "1 of 40 have no alpha" in err
    made = outputs(tmp_path / "alphas")
    assert len(made) == PHOTOS - 1
    assert made == outputs(tmp_path / "local")
    again = start_batch(tmp_path, "--model", lively_checkpoint, "--scheduler", address, "--quiet")
    out, _ = again.communicate(timeout=300)
    assert (again.returncode, out) == (1, "")
    assert hidden(tmp_path / "alphas") == set()


class FakeClient:
    """A cluster whose only worker answers this."""

    def __init__(self, answer):
        self.answer = answer

    def run(self, function, record):
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"tcp://worker:1": self.answer}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (("0.0.0", True), r"worker tcp://worker:1 has numpy-vitmatte 0.0.0; install .* there, as it is here"),
        (
            (__version__, False),
            "worker tcp://worker:1 does not see '.*out'; the folders must",
        ),
        (ModuleNotFoundError("no numpy_vitmatte"), "workers cannot run this package .no numpy_vitmatte.; install"),
    ],
)
def test_workers_that_cannot_help(answer, message, tmp_path):
    with pytest.raises(VitMatteError, match=message):
        cluster._check_workers(FakeClient(answer), tmp_path / "out" / "record")


def test_a_photo_that_the_cluster_gives_up(tmp_path):
    class Lost:
        def result(self):
            raise RuntimeError("three workers\ndied of it")

    job = Job("cat", tmp_path, tmp_path, tmp_path, FolderOptions("vitmatte-tiny"))
    error = cluster._outcome(Lost(), job).error
    assert error == "the cluster gave it up: RuntimeError: three workers died of it"


def test_schedulers_that_do_not_answer(tmp_path, monkeypatch, capsys):
    make_folders(tmp_path, 1)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cluster, "_ANSWER_WITHIN", 0.5)
    arguments = ["batch", "photos", "trimaps", "-o", "alphas", "--scheduler"]
    assert main([*arguments, "tcp://127.0.0.1:1"]) == 2
    assert "scheduler 'tcp://127.0.0.1:1' does not answer (" in capsys.readouterr().err
    assert main([*arguments, "nonsense://x"]) == 2
    assert "scheduler 'nonsense://x' does not answer (" in capsys.readouterr().err
    assert outputs(tmp_path / "alphas") == {}
