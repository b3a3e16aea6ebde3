"""The service does what its OpenAPI description says, also for forms that schemathesis makes up."""

import pytest
from hypothesis import HealthCheck, given, settings

pytest.importorskip("fastapi", reason="the service needs the extra [serve]")

from numpy_vitmatte.serve.fields import MatteFields, TrimapFields

pytestmark = pytest.mark.extras


def test_every_field_is_described(service):
    described = service.get("/openapi.json").json()["paths"]
    for path, fields, files in (
        ("/v1/matte", MatteFields, {"image", "trimap", "mask", "background"}),
        ("/v1/trimap", TrimapFields, {"image", "trimap", "mask"}),
    ):
        body = described[path]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
        assert set(body["properties"]) == set(fields.model_fields) | files
        assert all(entry.get("description") for entry in body["properties"].values())


def test_every_path_is_described(service):
    paths = service.get("/openapi.json").json()["paths"]
    summaries = [operation["summary"] for path in paths.values() for operation in path.values()]
    assert all(summary.endswith(".") for summary in summaries)
    assert set(paths) == {"/v1/matte", "/v1/trimap", "/v1/models", "/healthz", "/readyz", "/metrics"}


def test_made_up_requests(service):
    """No answer is a fault of the service, and each has a status, a type and a body that are described.

    What is not asked: that every form that fits the description is accepted. It cannot say what makes bytes a picture.
    """
    schemathesis = pytest.importorskip("schemathesis", reason="made-up requests: extra [serve-test]")
    unasked = [schemathesis.checks.positive_data_acceptance]
    schema = schemathesis.openapi.from_url(f"{service.address}/openapi.json")
    for operation in schema.get_all_operations():
        operation = operation.ok()

        @settings(max_examples=40, suppress_health_check=list(HealthCheck), database=None)
        @given(case=operation.as_strategy())
        def conforms(case):
            case.call_and_validate(excluded_checks=unasked)

        conforms()
