"""The CPU affinity of a pool's threads: it excludes their caller's CPU, and nobody else is touched."""

import os
import threading

import pytest
from support.processes import run_python

from numpy_vitmatte.runtime import affinity
from numpy_vitmatte.runtime.affinity import PoolAffinity
from numpy_vitmatte.runtime.threads import for_each_block, set_num_threads


class Scheduler:
    """A made-up operating system: the caller's CPU, what each thread may use, and what was asked for."""

    def __init__(self, here, allowed):
        self.here, self.allowed, self.affinity, self.asked = here, allowed, {}, []

    def get_affinity(self, thread):
        return self.affinity.get(thread or threading.get_native_id(), self.allowed)

    def set_affinity(self, thread, cpus):
        self.affinity[thread] = cpus
        self.asked.append((thread, cpus))


@pytest.fixture(params=[{0, 1, 2}])
def scheduler(request, monkeypatch):
    scheduler = Scheduler(1, request.param)
    monkeypatch.setattr(affinity, "_current_cpu", lambda: scheduler.here)
    monkeypatch.setattr(affinity.os, "sched_getaffinity", scheduler.get_affinity, raising=False)
    monkeypatch.setattr(affinity.os, "sched_setaffinity", scheduler.set_affinity, raising=False)
    return scheduler


@pytest.fixture
def pool(scheduler):
    """An affinity that one other thread, alive until the test ends, belongs to; and that thread's number."""
    places, entered, done = PoolAffinity(), threading.Event(), threading.Event()

    def live():
        places.add_this_thread()
        entered.set()
        done.wait()

    thread = threading.Thread(target=live)
    thread.start()
    entered.wait()
    yield places, thread.native_id
    done.set()
    thread.join()


def test_the_callers_cpu_is_excluded(scheduler, pool):
    """Once, and again when the caller has moved."""
    places, thread = pool
    for here in (1, 1, 1, 2, 2):
        scheduler.here = here
        places.exclude_this_cpu()
    assert scheduler.asked == [(thread, {0, 2}), (thread, {0, 1})]


@pytest.mark.parametrize("scheduler", [{1}], indirect=True)
def test_the_only_cpu_is_shared(scheduler, pool):
    pool[0].exclude_this_cpu()
    assert scheduler.asked == []


def test_somebody_elses_choice_is_kept(scheduler, pool):
    """A thread that was moved to other CPUs meanwhile stays on those."""
    places, thread = pool
    places.exclude_this_cpu()
    scheduler.affinity[thread] = {4, 5}
    for here in (4, 1):
        scheduler.here = here
        places.exclude_this_cpu()
    assert scheduler.asked[1:] == [(thread, {5}), (thread, {4, 5})]


def test_a_pool_thread_that_calls_stays_where_it_is(scheduler, pool):
    """Its own blocks may be cut into blocks."""
    places, thread = pool
    places.add_this_thread()
    places.exclude_this_cpu()
    assert scheduler.asked == [(thread, {0, 2})]


def test_nothing_is_excluded_for_a_while(scheduler, pool, monkeypatch):
    """After a thread was kept from the CPU that was left for it."""
    places, thread = pool
    now = [100.0]
    monkeypatch.setattr(affinity.time, "monotonic", lambda: now[0])
    places.exclude_nothing()
    now[0] += 1.1
    places.exclude_this_cpu()
    places.exclude_nothing()
    now[0] += 0.9
    places.exclude_this_cpu()
    assert scheduler.asked == [(thread, {0, 2}), (thread, {0, 1, 2})]
    now[0] += 0.2
    places.exclude_this_cpu()
    assert scheduler.asked[2:] == [(thread, {0, 2})]


@pytest.mark.parametrize("name", ["sched_getaffinity", "sched_setaffinity"])
def test_what_the_kernel_refuses_is_left(scheduler, pool, monkeypatch, name):
    """A thread that has ended, or a sandbox; also for a thread that enters."""

    def refuse(*arguments):
        raise PermissionError

    monkeypatch.setattr(affinity.os, name, refuse, raising=False)
    pool[0].exclude_this_cpu()
    pool[0].add_this_thread()
    assert scheduler.asked == []


def test_where_nobody_knows_the_cpu(scheduler, pool, monkeypatch):
    monkeypatch.setattr(affinity, "_current_cpu", None)
    pool[0].add_this_thread()
    pool[0].exclude_this_cpu()
    assert scheduler.asked == []


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the affinity is Linux's")
def test_the_callers_own_affinity_is_left_alone():
    before = os.sched_getaffinity(0)
    set_num_threads(3)
    for _ in range(5):
        for_each_block(lambda first, last: None, 6)
    assert os.sched_getaffinity(0) == before


def test_a_caller_that_waits_long_excludes_nothing(monkeypatch):
    together, freed = threading.Barrier(2, timeout=60), threading.Event()
    monkeypatch.setattr(PoolAffinity, "exclude_nothing", lambda _: freed.set())

    def block(*_):
        together.wait()
        assert threading.current_thread() is threading.main_thread() or freed.wait(60)

    set_num_threads(2)
    for_each_block(block, 2)
    assert freed.is_set()


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the affinity is Linux's")
def test_the_environment_turns_it_off():
    """For those who pin threads: a pool's threads are then asked for nothing."""
    code = """
import os
from numpy_vitmatte.runtime import affinity
from numpy_vitmatte.runtime.threads import for_each_block, set_num_threads
asked = []
os.sched_setaffinity = lambda *arguments: asked.append(arguments)
set_num_threads(3)
for _ in range(5):
    for_each_block(lambda first, last: None, 6)
print(affinity._current_cpu, asked)
"""
    assert run_python("-c", code, NUMPY_VITMATTE_AFFINITY="0") == "None []\n"
