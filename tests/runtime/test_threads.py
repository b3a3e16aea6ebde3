"""Blocks on threads: each once, errors passed on, any number of callers, before and after a fork."""

import os
import threading
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.processes import run_python

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.kernels.matmul import linear, pack
from numpy_vitmatte.runtime import threads as runtime_threads
from numpy_vitmatte.runtime.threads import (
    even_block,
    for_each_block,
    get_num_threads,
    run_all,
    run_both,
    set_num_threads,
)


def blocks_of(length, block):
    """The blocks that were handed out, counted."""
    seen, lock = Counter(), threading.Lock()

    def note(first, last):
        with lock:
            seen[first, last] += 1

    for_each_block(note, length, block)
    return seen


@given(length=st.integers(0, 60), block=st.integers(1, 70), threads=st.integers(1, 6))
def test_every_block_once(length, block, threads):
    """The blocks tile the range, the last one cut short; none for an empty range."""
    set_num_threads(threads)
    starts = range(0, length, block)
    assert blocks_of(length, block) == Counter((first, min(first + block, length)) for first in starts)


@pytest.mark.parametrize("threads", [2, 5])
def test_all_threads_take_part(threads):
    """As many blocks as threads, none of which ends before all have begun."""
    set_num_threads(threads)
    together = threading.Barrier(threads, timeout=60)
    for_each_block(lambda first, last: together.wait(), threads)


def test_run_both():
    """Each on its own thread, where there are two: neither ends before the other has begun."""
    set_num_threads(2)
    together = threading.Barrier(2)
    assert run_both(lambda: (1, together.wait(60) < 2), lambda: (2, together.wait(60) < 2)) == (
        (1, True),
        (2, True),
    )


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_run_all(threads):
    """Results come in the order of the functions, and the first error in that order is raised; none is no work."""
    set_num_threads(threads)
    assert run_all([lambda n=n: n * n for n in range(9)]) == [n * n for n in range(9)]
    assert run_all([]) == []
    with pytest.raises(ZeroDivisionError):
        run_all([lambda: 7, lambda: 1 // 0, lambda: int("no")])


@pytest.mark.parametrize("threads", [1, 2])
def test_run_both_raises_the_first_error(threads):
    """Also where the second's comes first in time."""
    set_num_threads(threads)
    second_failed = threading.Event()

    def first():
        second_failed.wait(60 if threads == 2 else 0)
        raise KeyError("first")

    def second():
        second_failed.set()
        raise KeyError("second")

    with pytest.raises(KeyError, match="first"):
        run_both(first, second)
    with pytest.raises(KeyError, match="second"):
        run_both(lambda: None, second)
    assert run_both(lambda: None, lambda: 7) == (None, 7)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("bad", [0, 7, 19])
def test_exception_reaches_the_caller(threads, bad):
    """From whichever block it comes; the next call works."""
    set_num_threads(threads)

    def fail(first, last):
        if first == bad:
            raise KeyError(first)

    with pytest.raises(KeyError, match=str(bad)):
        for_each_block(fail, 20)
    assert sum(blocks_of(20, 1).values()) == 20


@pytest.mark.parametrize("in_caller", [True, False], ids=["calling thread", "helper thread"])
def test_exception_of_either_kind_of_thread(in_caller):
    """The block of the one thread fails while the other's is still at work."""
    set_num_threads(2)
    caller = threading.get_ident()
    together = threading.Barrier(2, timeout=60)

    def fail(first, last):
        together.wait()
        if (threading.get_ident() == caller) == in_caller:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        for_each_block(fail, 2)


def test_no_block_is_begun_after_an_error():
    """An interruption of a long call ends it: at most the other thread's block is finished."""
    set_num_threads(2)
    failed, begun = threading.Event(), []

    def fail_first(first, last):
        begun.append(first)
        if first == 0:
            failed.set()
            raise KeyboardInterrupt
        failed.wait(60)
        time.sleep(0.001)  # lets the failing thread tell

    with pytest.raises(KeyboardInterrupt):
        for_each_block(fail_first, 10_000)
    assert len(begun) < 5_000  # some may begin between the error and its being told, never all


def product_by_blocks(x, matrix):
    out = np.empty((len(x), matrix.columns), np.float32)

    def rows(first, last):
        linear(x[first:last], matrix, out[first:last])

    for_each_block(rows, len(x), 7)
    return out


@pytest.fixture(scope="module")
def product():
    """An input, a packed matrix, and their product on one thread."""
    generator = np.random.default_rng(11)
    x = generator.standard_normal((83, 37)).astype(np.float32)
    matrix = pack(generator.standard_normal((37, 41)).astype(np.float32))
    set_num_threads(1)
    return x, matrix, product_by_blocks(x, matrix)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_same_bits_for_any_number_of_threads(product, threads):
    """Every output is one sum in one order."""
    x, matrix, expected = product
    set_num_threads(threads)
    np.testing.assert_array_equal(product_by_blocks(x, matrix), expected)


def test_several_callers_at_once(product):
    """Callers share the pool; one of them changes the number of threads all the while."""
    x, matrix, expected = product
    set_num_threads(3)
    wrong, finished = [], threading.Event()

    def call():
        for _ in range(40):
            try:
                if not np.array_equal(product_by_blocks(x, matrix), expected):
                    wrong.append("another result")
            except Exception as error:
                wrong.append(repr(error))

    def change():
        while not finished.is_set():
            for threads in (1, 5, 2):
                set_num_threads(threads)

    callers = [threading.Thread(target=call) for _ in range(4)]
    changer = threading.Thread(target=change)
    for thread in (*callers, changer):
        thread.start()
    for thread in callers:
        thread.join()
    finished.set()
    changer.join()
    assert wrong == []


def test_number_of_threads_lowered_while_a_call_begins(monkeypatch):
    """The call has counted on one helper; when it asks for it, no thread but the caller is wanted any more."""
    set_num_threads(2)
    submit = runtime_threads._submit

    def submit_late(worker, helpers):
        set_num_threads(1)
        return submit(worker, helpers)

    monkeypatch.setattr(runtime_threads, "_submit", submit_late)
    assert blocks_of(4, 1) == Counter((n, n + 1) for n in range(4))


def test_a_server_of_many_threads_shares_the_slots():
    """Sixteen callers, two threads: never more than two blocks are being computed, and every call gets its own."""
    set_num_threads(2)
    lock, running, most, totals = threading.Lock(), Counter(), Counter(), []

    def block(first, last):
        with lock:
            running["now"] += 1
            most["at once"] = max(most["at once"], running["now"])
        time.sleep(0.0005)
        with lock:
            running["now"] -= 1

    def call():
        seen = Counter()
        for_each_block(lambda first, last: (block(first, last), seen.update([first])), 12)
        totals.append(seen == Counter(range(12)))

    callers = [threading.Thread(target=call) for _ in range(16)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join()
    assert most["at once"] <= 2
    assert totals == [True] * 16


def test_nested_calls_finish():
    """A block may cut its own work into blocks although the pool is then busy."""
    set_num_threads(2)
    seen, lock = Counter(), threading.Lock()

    def outer(first, last):
        def inner(start, stop):
            with lock:
                seen[first, start] += 1

        for_each_block(inner, 5)

    for_each_block(outer, 6)
    assert seen == Counter((m, n) for m in range(6) for n in range(5))


@pytest.mark.parametrize("bad", [0, -1, 2.5, "many", None])
def test_refuses_what_is_no_number_of_threads(bad):
    """The old number stays."""
    set_num_threads(3)
    with pytest.raises(VitMatteError, match=r"the number of threads is .*give a whole number"):
        set_num_threads(bad)
    assert get_num_threads() == 3


@pytest.fixture
def undecided(monkeypatch):
    """As in a process that has not asked for the number of threads yet."""
    monkeypatch.setattr(runtime_threads, "_threads", None)
    return monkeypatch


def test_environment_variable_sets_the_number(undecided):
    """Read at the first use."""
    undecided.setenv("NUMPY_VITMATTE_NUM_THREADS", "7")
    assert get_num_threads() == 7


@pytest.mark.parametrize("bad", ["0", "two", "1.5", "-3"])
def test_environment_variable_is_checked(undecided, bad):
    """The message names the variable and what it holds."""
    undecided.setenv("NUMPY_VITMATTE_NUM_THREADS", bad)
    with pytest.raises(VitMatteError, match=f"NUMPY_VITMATTE_NUM_THREADS is '{bad}'"):
        get_num_threads()


def test_default_is_the_cpus_of_this_process(undecided):
    """An empty variable counts as none."""
    undecided.setenv("NUMPY_VITMATTE_NUM_THREADS", "")
    undecided.setattr(runtime_threads, "usable_cpus", lambda: 3)
    assert get_num_threads() == 3


@pytest.mark.parametrize("length", [1, 17, 1024, 2400])
@pytest.mark.parametrize("threads", [1, 2, 5, 16])
def test_even_blocks(length, threads):
    """Multiples of a tile between half and all of the largest; no allowed size leaves a thread less to do at most."""
    set_num_threads(threads)
    size = even_block(length, 96, 12)
    assert size in range(48, 97, 12)

    def most(size):
        blocks = -(-length // size)
        return -(-blocks // threads) * size

    assert most(size) == min(most(other) for other in range(48, 97, 12))


SPAWN = """
import hashlib, multiprocessing, sys
import numpy as np

def digest(queue):
    from numpy_vitmatte import matte, set_num_threads
    set_num_threads(2)
    photo = np.random.default_rng(0).integers(0, 256, (64, 96, 3)).astype(np.uint8)
    trimap = np.full((64, 96), 128, np.uint8)
    trimap[:, :20], trimap[:, -20:] = 0, 255
    queue.put(hashlib.sha256(matte(photo, trimap).tobytes()).hexdigest())

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    queue = context.SimpleQueue()
    if sys.argv[1] == "fork":
        digest(queue)  # the parent has computed, so its pool exists when it forks
    children = [context.Process(target=digest, args=(queue,)) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
        assert child.exitcode == 0
    found = set()
    while not queue.empty():
        found.add(queue.get())
    print(len(found))
"""


@pytest.mark.parametrize("method", ["fork", "spawn"] if hasattr(os, "fork") else ["spawn"])
def test_processes_of_either_kind_matte(tmp_path, method):
    """Forked after the parent has computed, or started anew: the same alpha, to the bit."""
    script = tmp_path / "children.py"
    script.write_text(SPAWN)
    assert run_python(script, method).split()[-1] == "1"


FORK = """
import multiprocessing, threading, numpy as np
from numpy_vitmatte.kernels.elementwise import gelu_
from numpy_vitmatte.runtime.threads import for_each_block, set_num_threads

def total(queue=None):
    x = np.linspace(-5, 5, 40).astype(np.float32)
    parts = []
    for_each_block(lambda first, last: parts.append(gelu_(x[first:last]).sum()), 40, 8)
    result = round(float(sum(parts)), 3)
    together = threading.Barrier(3, timeout=30)
    for_each_block(lambda first, last: together.wait(), 3)
    return queue.put(result) if queue is not None else result

if __name__ == "__main__":
    set_num_threads(3)
    context = multiprocessing.get_context("fork")
    for used_before in (False, True):
        if used_before:
            total()
        queue = context.SimpleQueue()
        child = context.Process(target=total, args=(queue,))
        child.start()
        child.join(60)
        assert child.exitcode == 0, (used_before, child.exitcode)
        print(queue.get(), total())
"""


@pytest.mark.skipif(not hasattr(runtime_threads.os, "fork"), reason="this system does not fork processes")
def test_forked_children_compute(tmp_path):
    """The pool's threads do not exist in a child; it starts its own three, forked before or after the first use."""
    script = tmp_path / "forks.py"
    script.write_text(FORK)
    lines = run_python(script).split()
    assert len(lines) == 4
    assert len(set(lines)) == 1


BLOCKS = """
import atexit, threading, time
import numpy as np
from numpy_vitmatte.runtime.threads import for_each_block, set_num_threads

set_num_threads(3)

def total(length=12):
    seen = []
    for_each_block(lambda first, last: seen.append(first), length)
    print(sorted(seen) == list(range(length)), flush=True)
"""

OUTLIVES = """
def late():
    threading.main_thread().join()
    time.sleep(0.1)  # the interpreter has told the pools by now
    total()

threading.Thread(target=late).start()
"""


@pytest.mark.parametrize("used_before", [False, True])
@pytest.mark.parametrize("late", [OUTLIVES, "atexit.register(total)\n"], ids=["outlives the main thread", "at exit"])
def test_while_the_interpreter_shuts_down(late, used_before):
    """No pool may start threads then: the calling thread computes all blocks."""
    assert run_python("-c", BLOCKS + "total()\n" * used_before + late).split() == ["True"] * (1 + used_before)


LOCKED = """
import multiprocessing, threading, time
from numpy_vitmatte.runtime import threads
from numpy_vitmatte.runtime.threads import for_each_block, set_num_threads
from numpy_vitmatte.runtime.jit import global_compiler_lock

def total(queue=None):
    seen = []
    for_each_block(lambda first, last: seen.append(first), 12)
    with global_compiler_lock:
        return queue.put(len(seen)) if queue is not None else len(seen)

def hold(lock, held, free):
    with lock:
        held.set()
        free.wait(60)

if __name__ == "__main__":
    set_num_threads(3)
    total()
    context = multiprocessing.get_context("fork")
    for lock in (threads._lock, threads._slots, threads._slots, threads._slots, global_compiler_lock):
        held, free = threading.Event(), threading.Event()
        threading.Thread(target=hold, args=(lock, held, free)).start()
        held.wait()
        threading.Timer(1, free.set).start()  # a fork may wait for one that is let go of soon, as the compiler's is
        queue = context.SimpleQueue()
        child = context.Process(target=total, args=(queue,))
        child.start()
        child.join(100)
        print(child.exitcode, queue.get() if child.exitcode == 0 else None)
        child.kill()
        free.set()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork processes")
def test_forked_while_another_thread_holds_a_lock(tmp_path):
    """The pool's, each of its slots, and the compiler's: the thread that would let go of it is not in the child."""
    script = tmp_path / "locks.py"
    script.write_text(LOCKED)
    assert run_python(script).splitlines() == ["0 12"] * 5
