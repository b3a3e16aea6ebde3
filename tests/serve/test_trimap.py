"""``POST /v1/trimap``: trimaps of masks, and the doctor."""

import numpy as np
import pytest
from support.matting_job import PHOTO, TRIMAP
from support.service_process import encoded

from numpy_vitmatte import check_trimap, trimap_from_mask

pytest.importorskip("fastapi", reason="the service needs the extra [serve]")

pytestmark = pytest.mark.extras

MASK = np.where(TRIMAP == 255, 255, 0).astype(np.uint8)
SOFT = np.broadcast_to(np.interp(np.arange(TRIMAP.shape[1]), [25, 40], [0, 255]).astype(np.uint8), TRIMAP.shape).copy()


@pytest.mark.parametrize(
    "options", [{}, {"erode": "4", "dilate": "1.5"}, {"erode": "5%"}, {"background": 0.2, "foreground": 0.7}]
)
def test_a_trimap_of_a_mask(service, options):
    answer = service.post("/v1/trimap", {"mask": encoded(SOFT), **options})
    assert answer.status == 200
    np.testing.assert_array_equal(answer.picture(), trimap_from_mask(SOFT, **options))


def test_what_was_said_while_it_was_made(service):
    with pytest.warns(UserWarning, match="leaves no foreground") as caught:
        trimap_from_mask(MASK, "90%", 0)
    answer = service.post("/v1/trimap", {"mask": encoded(MASK), "erode": "90%", "dilate": 0})
    assert answer.report()["warnings"] == [str(warning.message) for warning in caught]


def test_examined(service, parts):
    bad = np.where(TRIMAP == 128, 120, TRIMAP).astype(np.uint8)
    answer = service.post("/v1/trimap", {"trimap": encoded(bad), "image": parts["image"], "check": "true"})
    diagnosis = check_trimap(bad, PHOTO)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["lines"] == diagnosis.lines()
    assert [finding["kind"] for finding in answer.json()["findings"]] == ["levels"]


def test_repaired(service, parts):
    double = np.repeat(np.repeat(TRIMAP, 2, 0), 2, 1)
    answer = service.post("/v1/trimap", {"trimap": encoded(double), "image": parts["image"], "check": 1, "repair": 1})
    np.testing.assert_array_equal(answer.picture(), check_trimap(double, PHOTO).trimap)
    assert answer.picture().shape == TRIMAP.shape
    assert [finding["kind"] for finding in answer.report()["findings"]] == ["size"]


def test_beyond_repair(service, parts):
    answer = service.post(
        "/v1/trimap", {"trimap": encoded(TRIMAP[:30, :20].copy()), "image": parts["image"], "check": 1, "repair": 1}
    )
    assert answer.status == 422
    assert answer.json()["detail"].startswith("trimap cannot be repaired: ")
