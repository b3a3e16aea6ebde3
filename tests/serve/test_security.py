"""Who may ask, and what browsers are told."""

import pytest
from support.service_process import running_service

pytest.importorskip("fastapi", reason="the service needs the extra [serve]")

pytestmark = pytest.mark.extras


@pytest.fixture(scope="module")
def open_service(lively_checkpoint, tmp_path_factory):
    """A service with a public name, an allowed origin and a token, and no page."""
    log = tmp_path_factory.mktemp("open") / "log"
    options = ["--allow-host", "Matting.example.org", "--allow-origin", "https://shop.example.org", "--no-page"]
    with running_service(
        "--model", lively_checkpoint, *options, log=log, NUMPY_VITMATTE_TOKEN="open sesame"
    ) as running:
        yield running


TOKEN = {"Authorization": "Bearer open sesame"}


@pytest.mark.parametrize("host", ["evil.example.org", "127.0.0.1.evil.org", "localhost.evil.org:7000", "", "[::2]:7"])
def test_foreign_names(service, host):
    answer = service.get("/v1/models", Host=host)
    assert (answer.status, answer.json()["error"]["code"]) == (421, "foreign_host")
    assert answer.json()["detail"].startswith(f"the host {host.rpartition(':')[0] or host!r}"[:12])


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:7000", "[::1]", "[::1]:7000"])
def test_own_names(service, host):
    assert service.get("/v1/models", Host=host).status == 200


def test_an_allowed_name(open_service):
    assert open_service.get("/v1/models", Host="matting.example.org:443", **TOKEN).status == 200
    assert open_service.get("/v1/models", Host="evil.example.org", **TOKEN).status == 421


def test_probes_answer_to_any_name(service):
    assert service.get("/healthz", Host="10.0.0.7:7000").body == b"ok\n"
    assert service.get("/readyz", Host="10.0.0.7:7000").body == b"ready\n"


@pytest.mark.parametrize("origin", ["https://evil.example.org", "null", "http://localhost:1", "file://"])
def test_foreign_pages_may_not_even_make_it_compute(service, parts, origin):
    answer = service.post("/v1/matte", parts, Origin=origin)
    assert (answer.status, answer.json()["error"]["code"]) == (403, "foreign_origin")
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_foreign_page_without_an_origin(service):
    answer = service.get("/v1/models", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors")
    assert answer.status == 403


def test_the_own_page_may(service, parts):
    answer = service.post("/v1/matte", parts, Origin=f"http://127.0.0.1:{service.port}")
    assert answer.status == 200


def test_an_allowed_origin(open_service):
    origin = {"Origin": "https://shop.example.org"}
    answer = open_service.get("/v1/models", **origin, **TOKEN)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example.org"
    asking = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    preflight = open_service.request("OPTIONS", "/v1/matte", headers=origin | asking)
    assert preflight.status == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://shop.example.org"
    refused = open_service.request("OPTIONS", "/v1/matte", headers={"Origin": "https://evil.example.org"} | asking)
    assert refused.status == 403


@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer open", "Basic open sesame", "Bearer open sesameé"])
@pytest.mark.parametrize("path", ["/v1/models", "/v1/nothing", "/metrics"])
def test_the_token(open_service, path, authorization):
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = open_service.get(path, **headers)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_without_the_page(open_service):
    assert open_service.get("/").status == 404
    assert open_service.get("/page/main.js").status == 404
    assert open_service.get("/docs").status == 200


@pytest.mark.parametrize("path", ["/", "/page/main.js", "/v1/models", "/nothing", "/docs", "/healthz"])
def test_headers(service, path):
    headers = service.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Server" not in headers


def test_the_api_page_names_no_other_machine(service):
    page = service.get("/docs").body.decode()
    assert "://" not in page
    for path in ("/docs/assets/swagger-ui-bundle.js", "/docs/assets/swagger-ui.css", "/docs/start.js"):
        assert path.removeprefix("/") in page
        assert service.get(path).status == 200
