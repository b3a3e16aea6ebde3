"""One service for the tests that only ask it; tests that stop or fill one start their own."""

import pytest
from support.matting_job import PHOTO, TRIMAP
from support.service_process import encoded, running_service

PARTS = {"image": encoded(PHOTO), "trimap": encoded(TRIMAP)}


@pytest.fixture(scope="session")
def service(lively_checkpoint, tmp_path_factory):
    """A service with a checkpoint of random weights."""
    log = tmp_path_factory.mktemp("service") / "log"
    with running_service("--model", lively_checkpoint, "--timeout", 5, "--max-upload", "2MB", log=log) as running:
        yield running


@pytest.fixture
def parts():
    """A photo and its trimap, as a form has them."""
    return dict(PARTS)
