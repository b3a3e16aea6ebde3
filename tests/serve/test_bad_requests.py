"""Bad input over HTTP: a status of its own, and the sentence that the command line prints."""

import io
import sys

import numpy as np
import pytest
from PIL import Image
from support.bad_images import BAD_FILES
from support.matting_job import PHOTO, TRIMAP
from support.service_process import encoded

from numpy_vitmatte.cli import main

pytest.importorskip("fastapi", reason="the service needs the extra [serve]")

pytestmark = pytest.mark.extras

FILES = {name: content for name, (content, _) in BAD_FILES.items() if isinstance(content, bytes)}
JPEG = encoded(PHOTO, "JPEG")
FILES |= {
    "cut.jpg": JPEG[: len(JPEG) // 2],
    "head.jpg": JPEG[:100],
    "small.png": encoded(TRIMAP[:, 1:].copy()),
    "turned.png": encoded(TRIMAP.T.copy()),
}


def command_line_says(monkeypatch, capsys, tmp_path, checkpoint, role, content):
    """The sentence for a picture on standard input."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.png").write_bytes(encoded(PHOTO))
    (tmp_path / "trimap.png").write_bytes(encoded(TRIMAP))
    files = {"photo": "photo.png", "trimap": "trimap.png", role: "-"}
    stdin = io.TextIOWrapper(io.BytesIO(content))
    monkeypatch.setattr(sys, "stdin", stdin)
    more = ["--max-pixels", "50000000", "--model", str(checkpoint)]
    assert main(["matte", files["photo"], files["trimap"], "-o", "alpha.png", *more]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "compiling the kernels" not in line]
    return line.partition(": error: ")[2].replace(" on standard input", "")


@pytest.mark.parametrize("role", ["photo", "trimap"])
@pytest.mark.parametrize("name", FILES)
def test_the_sentence_of_the_command_line(service, parts, role, name, monkeypatch, capsys, tmp_path, lively_checkpoint):
    part = "image" if role == "photo" else role
    answer = service.matte(**parts | {part: FILES[name]})
    expected = command_line_says(monkeypatch, capsys, tmp_path, lively_checkpoint, role, FILES[name])
    assert answer.json()["detail"] == expected
    assert answer.status == (413 if name == "bomb.png" else 422)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["error"] == {
        "code": "too_large" if name == "bomb.png" else "unusable_input",
        "message": expected,
    }


# what is wrong: fields added or replaced (None: left out), status, code, the beginning of the sentence
BAD_FORMS = {
    "no photo": ({"image": None}, 422, "missing_field", "image is missing: the photo, as a file"),
    "a photo that is text": ({"image": "photo.png"}, 422, "invalid_field", "there is no field 'image'"),
    "no trimap": ({"trimap": None}, 422, "missing_field", "there is neither trimap nor mask"),
    "trimap and mask": ({"mask": encoded(TRIMAP)}, 422, "missing_field", "trimap and mask are both given"),
    "an unknown field": ({"quality": 95}, 422, "invalid_field", "there is no field 'quality'; fields are: model, "),
    "an unknown file": ({"photo": b"x"}, 422, "unknown_field", "'photo' is a file; files are: background, image, "),
    "an unknown model": ({"model": "x"}, 422, "unknown_model", "there is no model 'x'; models are: "),
    "a path as model": ({"model": "/etc"}, 422, "unknown_model", "there is no model '/etc'"),
    "an address as model": ({"model": "hustvl/vitmatte"}, 422, "unknown_model", "there is no model"),
    "an unknown output": ({"output": "depth"}, 422, "invalid_field", "output is 'depth'; input should be 'alpha'"),
    "an unknown format": ({"format": "exr"}, 422, "invalid_field", "format is 'exr'; input should be"),
    "a cut-out without transparency": (
        {"output": "cutout", "format": "jpeg"}, 422, "conflicting_fields", "output cutout cannot be jpeg; expected"),
    "a trimap that loses": (
        {"output": "trimap", "format": "jpeg"}, 422, "conflicting_fields", "output trimap cannot be jpeg"),
    "a composite of nothing": ({"output": "composite"}, 422, "missing_field", "background is missing"),
    "a path as background": (
        {"output": "composite", "background": "/etc/passwd"}, 422, "invalid_field",
        "background is '/etc/passwd'; expected a color"),
    "an address as background": (
        {"output": "composite", "background": "http://127.0.0.1/x.png"}, 422, "invalid_field", "background is 'http"),
    "a background for an alpha": ({"background": "red"}, 422, "conflicting_fields", "background has an effect only"),
    "a fit of a color": (
        {"output": "composite", "background": "red", "fit": "fit"}, 422, "conflicting_fields", "fit has an effect"),
    "colors of an alpha": ({"colors": "photo"}, 422, "conflicting_fields", "colors has an effect only with"),
    "light in an alpha": ({"linear": 1}, 422, "conflicting_fields", "linear has an effect only with output cutout"),
    "trust in an alpha": ({"trust": 1}, 422, "conflicting_fields", "trust has an effect only with output all"),
    "erode without a mask": ({"erode": 3}, 422, "conflicting_fields", "erode has an effect only with a mask"),
    "a profile of nobody": ({"profile": "rembg"}, 422, "invalid_field", "profile is 'rembg'; input should be 'hf'"),
    "max_side in words": ({"max_side": "small"}, 422, "invalid_field", "max_side is 'small'; input should be a valid"),
    "max_side too small": (
        {"max_side": 31}, 422, "unusable_input", "max_side is 31; expected a whole number of pixels, 32 or more"),
    "max_side and upscale": (
        {"max_side": 64, "upscale": 2}, 422, "unusable_input", "max_side=64 shows the network fewer pixels"),
    "upscale out of range": ({"upscale": 9}, 422, "unusable_input", "upscale is 9.0"),
    "upscale that is no number": ({"upscale": "nan"}, 422, "unusable_input", "upscale is nan"),
    "a photo that upscale makes too large": (
        {"image": encoded(np.zeros((2000, 2000), np.uint8)), "upscale": 4}, 413, "too_large",
        "photo is refused: enlarged 4 times it has more than the 50000000 pixels"),
    "an unknown precision": ({"precision": "low"}, 422, "invalid_field", "precision is 'low'; input should be 'high"),
    "a boolean in words": ({"raw": "perhaps"}, 422, "invalid_field", "raw is 'perhaps'; input should be a valid bool"),
    "a width that is none": (
        {"trimap": None, "mask": encoded(TRIMAP), "erode": "wide"}, 422, "unusable_input",
        "erode is 'wide'; expected 0 or more pixels"),
    "a program as picture": (
        {"image": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"}, 422, "unusable_input",
        "photo is PostScript (EPS), a program that draws; draw it as PNG first"),
    "a very long field": ({"model": "x" * 9000}, 400, "bad_request", "the form cannot be read: Part exceeded maximum"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD_FORMS)
def test_bad_form(service, parts, kind):
    changes, status, code, sentence = BAD_FORMS[kind]
    answer = service.matte(**{name: value for name, value in (parts | changes).items() if value is not None})
    assert (answer.status, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["detail"].startswith(sentence)


BAD_TRIMAP_FORMS = {
    "nothing": ({}, "mask is missing"),
    "nothing to check": ({"check": 1}, "trimap is missing"),
    "a width for the doctor": ({"trimap": encoded(TRIMAP), "check": 1, "erode": 1}, "erode has an effect only where"),
    "a repair of nothing": ({"mask": encoded(TRIMAP), "repair": 1}, "repair has an effect only with check"),
    "a photo for a mask": ({"mask": encoded(TRIMAP), "image": encoded(PHOTO)}, "image has an effect only with check"),
    "a mask for the doctor": ({"mask": encoded(TRIMAP), "trimap": encoded(TRIMAP), "check": 1}, "mask has no effect"),
    "a format of JSON": ({"trimap": encoded(TRIMAP), "check": 1, "format": "npy"}, "format has an effect only where"),
    "thresholds the wrong way": (
        {"mask": encoded(TRIMAP), "background": 0.9, "foreground": 0.1}, "background up to 0.9 and foreground"),
    "no threshold": ({"mask": encoded(TRIMAP), "background": "nan"}, "background up to nan"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD_TRIMAP_FORMS)
def test_bad_trimap_form(service, kind):
    form, sentence = BAD_TRIMAP_FORMS[kind]
    answer = service.post("/v1/trimap", form)
    assert answer.status == 422
    assert answer.json()["detail"].startswith(sentence)


def test_a_field_twice(service, parts):
    for twice in (("model", "x"), ("image", parts["image"])):
        answer = service.post("/v1/matte", [*parts.items(), twice, twice])
        assert answer.status == 422
        assert answer.json()["detail"] == f"{twice[0]!r} is given twice; give it once"


def test_a_thousand_fields(service, parts):
    answer = service.post("/v1/matte", [*parts.items(), *((f"x{n}", "") for n in range(1000))])
    assert (answer.status, answer.json()["error"]["code"]) == (400, "bad_request")
    answer = service.post("/v1/matte", [*parts.items(), *((f"x{n}", b"") for n in range(1000))])
    assert (answer.status, answer.json()["error"]["code"]) == (400, "bad_request")


@pytest.mark.parametrize("content_type", ["", "application/json", "application/x-www-form-urlencoded", "text/plain"])
def test_no_form(service, content_type):
    answer = service.request("POST", "/v1/matte", b"{}", {"Content-Type": content_type} if content_type else {})
    assert (answer.status, answer.json()["error"]["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=x"])
def test_a_broken_form(service, content_type):
    answer = service.request("POST", "/v1/matte", b"--y\r\nnonsense\r\n", {"Content-Type": content_type})
    assert (answer.status, answer.json()["error"]["code"]) == (400, "bad_request")
    assert answer.json()["detail"].startswith("the form cannot be read: ")


def test_unknown_paths_and_methods(service):
    assert (service.get("/v2/matte").status, service.get("/v1/../etc/passwd").status) == (404, 404)
    answer = service.get("/v1/matte")
    assert (answer.status, answer.headers["Allow"], answer.json()["error"]["code"]) == (
        405,
        "POST",
        "method_not_allowed",
    )
    assert service.get("/page/../../../../etc/passwd").status == 404
    assert service.get("/page/%2e%2e/%2e%2e/app.py").status == 404


def test_bombs_in_images_clothes(service, parts):
    """A photo may claim or hold more pixels than the service takes; nothing of it is decoded."""
    file = io.BytesIO()
    Image.fromarray(np.zeros((8000, 8000), np.uint8)).save(file, "PNG")
    answer = service.matte(**parts | {"image": file.getvalue()})
    assert answer.status == 413
    assert "it would unpack to 64000000 of at most 50000000 pixels" in answer.json()["detail"]
