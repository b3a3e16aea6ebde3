"""A child that is forked at any moment of another thread's work computes as its parent does."""

import os

import numpy as np
import pytest
from support.matting_job import PHOTO, TRIMAP
from support.processes import run_python

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

FORK = """
def in_child(work):
    child = os.fork()
    if child == 0:
        signal.alarm(120)  # a child that hangs is killed
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1]
"""
BEGIN = "import os, signal, sys, threading, time, traceback, warnings\nwarnings.simplefilter('ignore')\n" + FORK

WHILE_A_CHECKPOINT_LOADS = """
import numpy as np
from numpy_vitmatte import matte
from numpy_vitmatte.pipeline import loaded_checkpoint
photo, trimap = np.load(sys.argv[2]), np.load(sys.argv[3])
load, begun, go_on = loaded_checkpoint.load_packed, threading.Event(), threading.Event()
def slowly(directory):
    begun.set()
    assert go_on.wait(300)
    return load(directory)
loaded_checkpoint.load_packed = slowly
alphas = []
thread = threading.Thread(target=lambda: alphas.append(matte(photo, trimap, sys.argv[1])))
thread.start()
assert begun.wait(300)
def work():
    loaded_checkpoint.load_packed = load
    np.save(sys.argv[4], matte(photo, trimap, sys.argv[1]))
ended = in_child(work)
go_on.set()
thread.join()
assert ended == 0, ended
assert np.array_equal(np.load(sys.argv[4]), alphas[0])
"""

WHILE_A_ROOM_IS_IMPORTED = """
begun = threading.Event()
class Slowly:
    def find_spec(name, path=None, target=None):
        if name == "numpy_vitmatte.network":
            begun.set()
            time.sleep(1)
sys.meta_path.insert(0, Slowly)
import numpy_vitmatte
thread = threading.Thread(target=lambda: numpy_vitmatte.matte)
thread.start()
assert begun.wait(300)
assert in_child(lambda: numpy_vitmatte.matte) == 0
thread.join()
"""

WHILE_THE_WORKERS_OWN_LOCK_IS_HELD = """
from numpy_vitmatte.batch import cluster
cluster._one_at_a_time.acquire()
def work():
    assert cluster._one_at_a_time.acquire(timeout=10)
assert in_child(work) == 0
"""


def test_while_a_checkpoint_loads(tmp_path, lively_checkpoint):
    np.save(tmp_path / "photo.npy", PHOTO)
    np.save(tmp_path / "trimap.npy", TRIMAP)
    files = [tmp_path / f"{name}.npy" for name in ("photo", "trimap", "alpha")]
    run_python("-c", BEGIN + WHILE_A_CHECKPOINT_LOADS, lively_checkpoint, *files)


def test_while_a_room_is_imported():
    run_python("-c", BEGIN + WHILE_A_ROOM_IS_IMPORTED)


def test_while_a_worker_of_a_cluster_is_busy():
    run_python("-c", BEGIN + WHILE_THE_WORKERS_OWN_LOCK_IS_HELD)


def test_a_fork_in_an_import_does_not_wait_for_itself():
    code = """
class Forks:
    def find_spec(name, path=None, target=None):
        if name == "numpy_vitmatte.errors":
            assert in_child(lambda: None) == 0
sys.meta_path.insert(0, Forks)
import numpy_vitmatte
numpy_vitmatte._LONGEST_WAIT = 10000
numpy_vitmatte.VitMatteError
"""
    run_python("-c", BEGIN + code)
