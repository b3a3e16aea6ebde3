"""Where a pool's threads may run: not on their caller's processor, and nobody else is touched."""

import os
import threading

import pytest

from numpy_vitmatte.runtime import affinity
from numpy_vitmatte.runtime.affinity import Placement
from numpy_vitmatte.runtime.threads import for_each_block, set_num_threads


class Scheduler:
    """A made-up kernel: the caller's processor, what each thread may use, and what was asked for."""

    def __init__(self, here, allowed):
        self.here, self.allowed, self.affinity, self.asked = here, allowed, {}, []

    def get_affinity(self, thread):
        return self.affinity.get(thread or threading.get_native_id(), self.allowed)

    def set_affinity(self, thread, processors):
        self.affinity[thread] = processors
        self.asked.append((thread, processors))


@pytest.fixture(params=[{0, 1, 2}])
def scheduler(request, monkeypatch):
    scheduler = Scheduler(1, request.param)
    monkeypatch.setattr(affinity, "_current_processor", lambda: scheduler.here)
    monkeypatch.setattr(affinity.os, "sched_getaffinity", scheduler.get_affinity, raising=False)
    monkeypatch.setattr(affinity.os, "sched_setaffinity", scheduler.set_affinity, raising=False)
    return scheduler


@pytest.fixture
def pool(scheduler):
    """A placement that one other thread, alive until the test ends, has entered; and that thread's number."""
    places, entered, done = Placement(), threading.Event(), threading.Event()

    def live():
        places.enter()
        entered.set()
        done.wait()

    thread = threading.Thread(target=live)
    thread.start()
    entered.wait()
    yield places, thread.native_id
    done.set()
    thread.join()


def test_off_the_callers_processor(scheduler, pool):
    """Once, and again when the caller has moved."""
    places, thread = pool
    for here in (1, 1, 1, 2, 2):
        scheduler.here = here
        places.keep_off()
    assert scheduler.asked == [(thread, {0, 2}), (thread, {0, 1})]


@pytest.mark.parametrize("scheduler", [{1}], indirect=True)
def test_the_only_processor_is_shared(scheduler, pool):
    pool[0].keep_off()
    assert scheduler.asked == []


def test_somebody_elses_choice_is_kept(scheduler, pool):
    """A thread that was moved to other processors meanwhile stays on those."""
    places, thread = pool
    places.keep_off()
    scheduler.affinity[thread] = {4, 5}
    for here in (4, 1):
        scheduler.here = here
        places.keep_off()
    assert scheduler.asked[1:] == [(thread, {5}), (thread, {4, 5})]


def test_a_pool_thread_that_calls_stays_where_it_is(scheduler, pool):
    """Its own blocks may be cut into blocks."""
    places, thread = pool
    places.enter()
    places.keep_off()
    assert scheduler.asked == [(thread, {0, 2})]


@pytest.mark.parametrize("name", ["sched_getaffinity", "sched_setaffinity"])
def test_what_the_kernel_refuses_is_left(scheduler, pool, monkeypatch, name):
    """A thread that has ended, or a sandbox; also for a thread that enters."""

    def refuse(*arguments):
        raise PermissionError

    monkeypatch.setattr(affinity.os, name, refuse, raising=False)
    pool[0].keep_off()
    pool[0].enter()
    assert scheduler.asked == []


def test_where_nobody_knows_the_processor(scheduler, pool, monkeypatch):
    monkeypatch.setattr(affinity, "_current_processor", None)
    pool[0].enter()
    pool[0].keep_off()
    assert scheduler.asked == []


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the affinity is Linux's")
def test_the_callers_own_affinity_is_left_alone():
    before = os.sched_getaffinity(0)
    set_num_threads(3)
    for _ in range(5):
        for_each_block(lambda first, last: None, 6)
    assert os.sched_getaffinity(0) == before
