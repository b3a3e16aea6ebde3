"""kill -9 at random moments: nothing lost, nothing half-written, and the next run goes on."""

import os
import random
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.folder_jobs import hidden, make_folders, outputs, start_batch

PHOTOS = 60
KILLS = 20
AT_A_TIME = 2


@pytest.fixture(scope="module")
def unkilled(tmp_path_factory, lively_checkpoint):
    """A folder that went through in one run: its root, its outputs, and how long it took to the first of them."""
    root = tmp_path_factory.mktemp("batch")
    make_folders(root, PHOTOS, size=(96, 128))
    started = time.monotonic()
    process = start_batch(root, "--model", lively_checkpoint, "--workers", 2)
    process.stdout.readline()
    start = time.monotonic() - started
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    expected = outputs(root / "alphas")
    assert len(expected) == PHOTOS
    return root, expected, start


def kill_and_resume(name, unkilled, model, workers):
    """Kill the batch again and again, then let it finish; what stood at each kill, as numbers of outputs."""
    root, expected, start = unkilled
    moments, folder, stood, before = random.Random(workers), root / name, [], {}
    while len(stood) < KILLS // AT_A_TIME:
        process = start_batch(root, "--model", model, "--workers", workers, output=name)
        if moments.random() < 0.7:  # a moment of the work: after some of the outputs, however fast the machine is
            for _ in range(moments.randint(1, max(1, PHOTOS - len(before)))):
                process.stdout.readline()
            pause = moments.uniform(0, 0.02)
        else:
            pause = moments.uniform(0, start)
        try:
            process.wait(pause)
        except subprocess.TimeoutExpired:
            process.kill()
        # The workers hold the other end of the pipe: it ends only when they, too, have noticed and gone.
        _, err = process.communicate(timeout=180)
        now = outputs(folder)
        assert now.items() <= expected.items(), "half-written"
        assert before.items() <= now.items(), "lost"
        if process.returncode == 0:  # it was faster than the moment: begin anew
            assert now == expected
            shutil.rmtree(folder)
            before = {}
            continue
        assert process.returncode == -9, err
        stood.append(len(now))
        before = now
    times = {path.name: path.stat().st_mtime_ns for path in folder.glob("[!.]*")}
    process = start_batch(root, "--model", model, "--workers", workers, output=name)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert outputs(folder) == expected
    assert len(out.split()) == PHOTOS - len(before)
    assert all((folder / made).stat().st_mtime_ns == when for made, when in times.items()), "done twice"
    assert hidden(folder) == set()
    return stood


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX's")
def test_killed_at_twenty_random_moments(unkilled, lively_checkpoint):
    """With one worker and with two, whose alphas are the same."""
    with ThreadPoolExecutor(AT_A_TIME) as threads:
        chains = [
            threads.submit(kill_and_resume, f"killed-{workers}", unkilled, lively_checkpoint, workers)
            for workers in range(1, 1 + AT_A_TIME)
        ]
        stood = [count for chain in chains for count in chain.result()]
    assert len(stood) == KILLS
    assert any(0 < count < PHOTOS for count in stood)  # some moments were in the midst of the work
