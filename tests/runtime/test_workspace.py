"""Memory that begins with a cache line and is handed on: never to two at a time, never more than is kept."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte.kernels.matmul import pack
from numpy_vitmatte.runtime import workspace
from numpy_vitmatte.runtime.workspace import (
    FRESH,
    Workspace,
    aligned_empty,
    aligned_scratch,
    forget,
    kept_workspace,
    workspace_floats,
)

shapes = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 40)), max_size=6)


@pytest.fixture(autouse=True)
def nothing_kept():
    forget()
    yield
    forget()


@pytest.mark.parametrize("make", [aligned_empty, aligned_scratch])
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 1000, 300_000])
def test_begins_with_a_cache_line(make, size):
    """Several at once: each lies elsewhere. All of it may be written."""
    arrays = [make(size) for _ in range(9)]
    for number, array in enumerate(arrays):
        assert array.shape == (size,)
        assert array.dtype == np.float32
        assert size == 0 or array.ctypes.data % 64 == 0
        array[:] = number
    assert all((array == number).all() for number, array in enumerate(arrays))


def test_weights_and_work_begin_with_a_cache_line():
    assert pack(np.ones((7, 40), np.float32)).panels.ctypes.data % 64 == 0
    assert FRESH.empty((3, 5)).ctypes.data % 64 == 0


@given(shapes=shapes, missing=st.integers(0, 40))
def test_arrays_do_not_overlap(shapes, missing):
    """Each keeps what was written to it, also where the block is too small for the last ones."""
    memory = Workspace(np.empty(max(workspace_floats(*shapes) - missing, 0), np.float32))
    arrays = [memory.empty(shape) for shape in shapes]
    for number, array in enumerate(arrays):
        assert array.dtype == np.float32
        assert array.flags.c_contiguous
        array.fill(number)
    for number, (shape, array) in enumerate(zip(shapes, arrays, strict=True)):
        np.testing.assert_array_equal(array, np.full(shape, number, np.float32))


@given(shapes=shapes)
def test_workspace_floats_are_enough(shapes):
    """All arrays lie in the block, and again after a restart."""
    block = np.empty(workspace_floats(*shapes), np.float32)
    memory = Workspace(block)
    for _ in range(2):
        assert all(array.size == 0 or np.shares_memory(array, block) for array in map(memory.empty, shapes))
        memory.restart()


def test_a_block_is_handed_on_to_the_next_of_its_size_alone():
    with kept_workspace(100) as memory:
        first = memory.empty((100,))
    with kept_workspace(100) as memory:
        assert np.shares_memory(memory.empty((100,)), first)
    with kept_workspace(99):
        pass
    with kept_workspace(100) as memory:  # what was kept is of another size now
        assert not np.shares_memory(memory.empty((100,)), first)


def test_two_at_a_time_get_two_blocks():
    with kept_workspace(100) as one, kept_workspace(100) as other:
        assert not np.shares_memory(one.empty((100,)), other.empty((100,)))


def test_threads_at_the_same_time_get_blocks_of_their_own():
    """Each fills its array, waits for all others and still finds its own number."""
    together, wrong = threading.Barrier(8), []

    def fill(number: int) -> None:
        for _ in range(20):
            with kept_workspace(64) as memory:
                array = memory.empty((64,))
                array.fill(number)
                together.wait()
                wrong.extend(array[array != number].tolist())
                together.wait()

    threads = [threading.Thread(target=fill, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_no_more_is_kept_than_is_said(monkeypatch):
    """Of three blocks at a time the two that fit; a larger one is not even made."""
    monkeypatch.setattr(workspace, "KEPT", 1000)
    with kept_workspace(100), kept_workspace(100), kept_workspace(100):
        pass
    assert sum(block.nbytes for block in workspace._idle) == 800
    with kept_workspace(251) as memory:
        assert memory is FRESH
    assert not workspace._idle


def test_a_broken_off_computation_hands_nothing_on():
    """One of its threads may still be writing."""
    with pytest.raises(KeyError), kept_workspace(100):
        raise KeyError
    assert not workspace._idle
