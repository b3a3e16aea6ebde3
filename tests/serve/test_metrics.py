"""``GET /metrics`` and the other endpoints that compute nothing."""

import re

import pytest
from support.matting_job import TRIMAP

from numpy_vitmatte import __version__

pytest.importorskip("fastapi", reason="the service needs the extra [serve]")

pytestmark = pytest.mark.extras


def number(service, name):
    found = re.search(rf"^{re.escape(name)} ([0-9.e+]+)$", service.get("/metrics").body.decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_requests_pixels_and_seconds_are_counted(service, parts):
    names = (
        'numpy_vitmatte_requests_total{path="/v1/matte",status="200"}',
        'numpy_vitmatte_requests_total{path="/v1/matte",status="422"}',
        "numpy_vitmatte_pixels_total",
        "numpy_vitmatte_queue_seconds_count",
        "numpy_vitmatte_compute_seconds_count",
    )
    before = [number(service, name) for name in names]
    service.matte(**parts)
    service.matte(**parts, format="exr")
    after = [number(service, name) for name in names]
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1, TRIMAP.size, 1, 1]


def test_queue_and_memory_are_told(service):
    assert number(service, "numpy_vitmatte_queue_length") == 0
    assert number(service, "numpy_vitmatte_running") == 0
    assert number(service, "process_resident_memory_bytes") > 1e7


def test_unknown_paths_make_no_new_names(service):
    service.get("/nothing/at/all")
    text = service.get("/metrics").body.decode()
    assert "nothing" not in text
    assert number(service, 'numpy_vitmatte_requests_total{path="other",status="404"}') > 0


def test_models(service, lively_checkpoint):
    answer = service.get("/v1/models").json()
    assert answer["models"] == [lively_checkpoint.name]
    assert answer["default"] == lively_checkpoint.name
    assert (answer["max_pixels"], answer["max_upload"]) == (50_000_000, 2_000_000)
    assert answer["version"] == __version__
    assert "photo" in answer["colors"]


def test_probes(service):
    assert service.get("/healthz").body == b"ok\n"
    assert service.get("/readyz").body == b"ready\n"
