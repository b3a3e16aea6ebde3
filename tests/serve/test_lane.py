"""The lane and its queue, without a network."""

import asyncio
import threading

import pytest

pytest.importorskip("fastapi", reason="the service needs the extra [serve]")

from numpy_vitmatte.serve.lane import Lane
from numpy_vitmatte.serve.problems import Problem

pytestmark = pytest.mark.extras


class Jobs:
    """Jobs that run until they are let go; they note when they begin and what they are told."""

    def __init__(self):
        self.begun, self.told, self.go = [], [], threading.Event()

    def named(self, name):
        def job(unwanted):
            self.begun.append(name)
            self.go.wait(30)
            self.told.append((name, unwanted.is_set()))
            return name

        return job


async def settled(reached=lambda: True):
    """Let every task come as far as it can, and wait for what a thread has to do for it: that may begin late."""
    for _ in range(3000):
        if reached():
            break
        await asyncio.sleep(0.01)
    for _ in range(10):
        await asyncio.sleep(0.01)


def test_one_at_a_time_in_the_order_of_arrival():
    async def scene():
        lane, jobs = Lane(1, 8), Jobs()
        tasks = [asyncio.create_task(lane.run(jobs.named(number))) for number in range(5)]
        await settled(lambda: jobs.begun)
        assert (jobs.begun, lane.running, lane.waiting) == ([0], 1, 4)
        jobs.go.set()
        assert await asyncio.gather(*tasks) == [0, 1, 2, 3, 4]
        assert (jobs.begun, lane.running, lane.waiting) == ([0, 1, 2, 3, 4], 0, 0)

    asyncio.run(scene())


def test_several_lanes():
    async def scene():
        lane, jobs = Lane(2, 8), Jobs()
        tasks = [asyncio.create_task(lane.run(jobs.named(number))) for number in range(3)]
        await settled(lambda: len(jobs.begun) == 2)
        assert (sorted(jobs.begun), lane.running, lane.waiting) == ([0, 1], 2, 1)
        jobs.go.set()
        await asyncio.gather(*tasks)

    asyncio.run(scene())


def test_a_full_queue_sends_away():
    async def scene():
        lane, jobs = Lane(1, 2), Jobs()
        tasks = [asyncio.create_task(lane.run(jobs.named(number))) for number in range(3)]
        await settled(lambda: jobs.begun)
        with pytest.raises(Problem, match="2 pictures wait already") as caught:
            lane.require_room()
        assert (caught.value.status, caught.value.code) == (503, "queue_full")
        assert 1 <= int(caught.value.headers["Retry-After"]) <= 120
        with pytest.raises(Problem, match="2 pictures wait already"):
            await lane.run(jobs.named("late"))
        jobs.go.set()
        await asyncio.gather(*tasks)
        lane.require_room()

    asyncio.run(scene())


def test_who_leaves_the_queue_frees_its_place_and_its_work():
    async def scene():
        lane, jobs = Lane(1, 2), Jobs()
        tasks = [asyncio.create_task(lane.run(jobs.named(number))) for number in range(3)]
        await settled(lambda: jobs.begun)
        tasks[1].cancel()
        await settled(lambda: lane.waiting == 1)
        assert lane.waiting == 1
        jobs.go.set()
        assert await tasks[2] == 2
        assert jobs.begun == [0, 2]
        assert (lane.running, lane.waiting) == (0, 0)

    asyncio.run(scene())


def test_who_leaves_while_it_runs_is_told_and_frees_the_lane_when_its_thread_ends():
    async def scene():
        lane, jobs = Lane(1, 2), Jobs()
        first, second = (asyncio.create_task(lane.run(jobs.named(number))) for number in range(2))
        await settled(lambda: jobs.begun)
        first.cancel()
        await settled()
        assert (jobs.begun, lane.running) == ([0], 1)
        jobs.go.set()
        assert await second == 1
        assert jobs.told == [(0, True), (1, False)]
        with pytest.raises(asyncio.CancelledError):
            await first
        assert lane.running == 0

    asyncio.run(scene())


def test_closing_sends_away_what_waits_and_keeps_what_runs():
    async def scene():
        lane, jobs = Lane(1, 8), Jobs()
        tasks = [asyncio.create_task(lane.run(jobs.named(number))) for number in range(3)]
        await settled(lambda: jobs.begun)
        lane.close()
        jobs.go.set()
        first, *others = await asyncio.gather(*tasks, return_exceptions=True)
        assert first == 0
        assert [(other.status, other.code) for other in others] == [(503, "shutting_down")] * 2
        assert all("Retry-After" in other.headers for other in others)
        assert jobs.begun == [0]

    asyncio.run(scene())


def test_an_error_of_a_job_frees_the_lane():
    async def scene():
        def broken(_):
            raise ValueError("broken")

        lane = Lane(1, 0)
        for _ in range(3):
            with pytest.raises(ValueError, match="broken"):
                await lane.run(broken)
        assert lane.running == 0

    asyncio.run(scene())


def test_the_next_picture_is_decoded_and_the_last_one_encoded_while_one_is_computed():
    async def scene():
        lane, noted = Lane(1, 8), []
        encoding, computing = threading.Event(), threading.Event()

        def job(number):
            def before():
                noted.append(f"decode {number}")

            def compute(_):
                noted.append(f"compute {number}")
                if number == 1:
                    computing.wait(30)
                return number

            def after(result):
                noted.append(f"encode {result}")
                encoding.wait(30)
                return -result

            return asyncio.create_task(lane.run(compute, before=before, after=after))

        tasks = [job(number) for number in range(4)]
        await settled(lambda: len(noted) == 6)
        assert lane.running == 1
        # 0 is encoded, 1 computed and 2 decoded at the same time. 3 waits with nothing in memory, and takes a place.
        assert sorted(noted) == [f"{step} {n}" for step, last in (("compute", 1), ("decode", 2), ("encode", 0))
                                 for n in range(last + 1)]  # fmt: skip
        assert (noted.index("decode 1") < noted.index("compute 1"), lane.waiting) == (True, 2)
        computing.set()
        encoding.set()
        assert await asyncio.gather(*tasks) == [0, -1, -2, -3]
        assert [each for each in noted if "compute" in each] == [f"compute {number}" for number in range(4)]
        assert (lane.running, lane.waiting) == (0, 0)

    asyncio.run(scene())


@pytest.mark.parametrize("step", ["before", "after"])
def test_an_error_while_decoding_or_encoding_frees_the_place(step):
    async def scene():
        def broken(*_):
            raise ValueError("broken")

        lane = Lane(1, 0)
        for _ in range(5):
            with pytest.raises(ValueError, match="broken"):
                await lane.run(lambda _: 1, **{step: broken})
        assert (lane.running, lane.waiting) == (0, 0)
        assert await lane.run(lambda _: 1) == 1

    asyncio.run(scene())


def test_a_result_goes_to_its_encoder_without_the_event_loop():
    async def scene():
        lane, jobs, encoded = Lane(1, 8), Jobs(), threading.Event()
        task = asyncio.create_task(lane.run(jobs.named(0), after=lambda _: encoded.set()))
        await settled()
        jobs.go.set()
        assert encoded.wait(30)  # the loop stands still meanwhile
        await task

    asyncio.run(scene())


def test_what_nobody_wants_any_more_is_not_encoded():
    async def scene():
        lane, jobs, encoded = Lane(1, 8), Jobs(), []
        task = asyncio.create_task(lane.run(jobs.named(0), after=encoded.append))
        await settled()
        task.cancel()
        await settled()
        jobs.go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (jobs.told, encoded, lane.running, lane.waiting) == ([(0, True)], [], 0, 0)

    asyncio.run(scene())
