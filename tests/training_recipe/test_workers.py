"""Samples drawn in other processes: the same ones in order, and no process outlives a trainer that is killed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the pictures are blurred with scipy ([train] extra)")

from training.data import Source, batches

pytestmark = pytest.mark.extras("scipy")

SCRIPT = """
import multiprocessing, sys, time
from itertools import islice
import numpy as np
from training.data import Source, batches
from training.material import read_material

if __name__ == "__main__":
    drawn = batches(Source(read_material(sys.argv[1]), [(64, 2)], 1, 4), workers=2)
    np.savez(sys.argv[2], *[array for batch in islice(drawn, 3) for array in batch[:2]])
    print(*[child.pid for child in multiprocessing.active_children()], flush=True)
    time.sleep(600)
"""


def is_there(process: int) -> bool:
    """Whether there is such a process; one that has ended and waits to be asked for is none."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no /proc to see processes in")
def test_workers(packed, material, tmp_path):
    weights = str(Path(__file__).parents[2] / "weights")
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "script.py", str(packed), "drawn.npz"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([weights, *sys.path])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment) as trainer:
        workers = [int(word) for word in trainer.stdout.readline().split()]
        try:
            assert len(workers) == 2
            assert all(map(is_there, workers))
        finally:
            trainer.send_signal(signal.SIGKILL)
    expected = batches(Source(material, [(64, 2)], 1, 4), workers=0)
    found = list(np.load(tmp_path / "drawn.npz").values())
    for number in range(3):
        for array, other in zip(next(expected)[:2], found[2 * number : 2 * number + 2], strict=True):
            np.testing.assert_array_equal(array, other)
    latest = time.monotonic() + 30
    while any(map(is_there, workers)) and time.monotonic() < latest:
        time.sleep(0.1)
    assert not any(map(is_there, workers))
