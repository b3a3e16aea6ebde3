"""Many clients at once: every answer is right or asks to come again, and the memory does not grow."""

import re
import threading
import time

import numpy as np
import pytest
from support.service_process import encoded, running_service

from numpy_vitmatte import matte

pytest.importorskip("fastapi", reason="the service needs the extra [serve]")

pytestmark = pytest.mark.extras

SIZES = ((33, 40), (50, 71), (96, 128), (160, 120))
CLIENTS, PHOTOS, MORE = 8, 40, 80


def photo_and_trimap(size):
    photo = np.random.default_rng(size[0]).integers(0, 256, (*size, 3), dtype=np.uint8)
    trimap = np.full(size, 128, np.uint8)
    trimap[:4], trimap[-4:] = 0, 255
    return photo, trimap


def resident(service):
    text = service.get("/metrics").body.decode()
    return float(re.search(r"^process_resident_memory_bytes (.*)$", text, re.M)[1])


class Crowd:
    """Clients that send photos of all sizes and keep what comes back."""

    def __init__(self, service, jobs, expected):
        self.service, self.jobs, self.expected = service, jobs, expected
        self.right = self.refused = 0
        self.wrong = []
        self.lock = threading.Lock()

    def send(self, count, turn):
        for number in range(count):
            size = SIZES[(turn + number) % len(SIZES)]
            while self._once(size) == 503:
                time.sleep(0.05)

    def _once(self, size):
        answer = self.service.matte(**self.jobs[size])
        with self.lock:
            if answer.status == 503 and int(answer.headers["Retry-After"]) >= 1:
                self.refused += 1
            elif answer.status == 200 and np.array_equal(answer.array(), self.expected[size]):
                self.right += 1
            else:
                self.wrong.append((size, answer.status, answer.body[:200]))
        return answer.status

    def all_at_once(self, clients, count):
        threads = [threading.Thread(target=self.send, args=(count, turn)) for turn in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def test_a_crowd(lively_checkpoint, tmp_path):
    pairs = {size: photo_and_trimap(size) for size in SIZES}
    jobs = {size: {"image": encoded(photo), "trimap": encoded(trimap), "format": "npy"}
            for size, (photo, trimap) in pairs.items()}  # fmt: skip
    expected = {size: matte(*pair, lively_checkpoint) for size, pair in pairs.items()}
    with running_service("--model", lively_checkpoint, "--queue", 4, log=tmp_path / "log") as service:
        crowd = Crowd(service, jobs, expected)
        crowd.all_at_once(CLIENTS, 5)
        after_40 = resident(service)
        crowd.all_at_once(CLIENTS, PHOTOS)
        crowd.all_at_once(CLIENTS, MORE // CLIENTS - 5)
        after_400 = resident(service)
    assert crowd.wrong == []
    assert crowd.right == 400
    assert crowd.refused > 0  # eight clients do not fit a lane and four places
    assert after_400 < 1.1 * after_40
