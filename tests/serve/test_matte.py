"""``POST /v1/matte``: every field, and the same bits as ``matte()``."""

import email
import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image
from support.icc_profiles import DISPLAY_P3
from support.matting_job import KNOWN, PHOTO, TRIMAP
from support.service_process import encoded

from numpy_vitmatte import composite, cutout, matte, matte_with_trust, trimap_from_mask
from numpy_vitmatte.images.color_profile import is_srgb, to_srgb
from numpy_vitmatte.images.value_range import to_integers

pytest.importorskip("fastapi", reason="the service needs the extra [serve]")

pytestmark = pytest.mark.extras


@pytest.fixture(scope="module")
def alpha(lively_checkpoint):
    return matte(PHOTO, TRIMAP, lively_checkpoint)


def picture_of(name, content):
    return np.asarray(Image.open(io.BytesIO(content))) if not name.endswith("npy") else np.load(io.BytesIO(content))


def test_floats_are_the_bits_of_matte(service, parts, alpha):
    answer = service.matte(**parts, format="npy")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/x-npy"
    assert answer.array().dtype == np.float32
    np.testing.assert_array_equal(answer.array(), alpha)


@pytest.mark.parametrize(
    "options",
    [
        {"raw": True},
        {"profile": "hustvl"},
        {"max_side": 40},
        {"raw": True, "max_side": 40},
        {"upscale": 1.5},
        {"precision": "medium"},
    ],
)
def test_options_are_those_of_matte(service, parts, lively_checkpoint, options):
    answer = service.matte(**parts, format="npy", **options)
    np.testing.assert_array_equal(answer.array(), matte(PHOTO, TRIMAP, lively_checkpoint, **options))


@pytest.mark.parametrize(
    ("form", "media_type", "bits"),
    [("png", "image/png", 8), ("png16", "image/png", 16), ("webp", "image/webp", 8), ("jpeg", "image/jpeg", 8)],
)
def test_formats_of_an_alpha(service, parts, alpha, form, media_type, bits):
    answer = service.matte(**parts, format=form)
    assert answer.headers["Content-Type"] == media_type
    got, expected = answer.picture(), to_integers(alpha, bits)
    got = got[..., 0] if got.ndim == 3 else got
    # JPEG loses; at quality 95 a smooth 8-bit ramp stays within a few levels, noise within some tens.
    difference = np.abs(got.astype(int) - expected)
    assert difference.max() == 0 if form != "jpeg" else difference.mean() < 8


def test_a_cutout_has_the_photos_colors_and_the_alpha(service, parts, alpha):
    answer = service.matte(**parts, output="cutout", colors="photo")
    np.testing.assert_array_equal(answer.picture(), cutout(PHOTO, alpha))
    assert answer.report()["colors"] == "photo"


@pytest.mark.parametrize(
    ("background", "behind"), [("#1e90ff", (30, 144, 255)), (encoded(PHOTO[::-1].copy()), PHOTO[::-1])]
)
@pytest.mark.parametrize("linear", [False, True])
def test_a_composite(service, parts, alpha, background, behind, linear):
    answer = service.matte(**parts, output="composite", background=background, colors="photo", linear=linear)
    np.testing.assert_array_equal(answer.picture(), composite(PHOTO, alpha, behind, linear=linear))


def test_colors_of_another_space(service, parts, lively_checkpoint):
    """The cut-out keeps the photo's levels and its profile; a composite before a named color is in sRGB."""
    file = io.BytesIO()
    Image.fromarray(PHOTO).save(file, "PNG", icc_profile=DISPLAY_P3)
    parts = parts | {"image": file.getvalue()}
    alpha = matte(to_srgb(PHOTO, DISPLAY_P3), TRIMAP, lively_checkpoint)
    answer = service.matte(**parts, output="cutout", colors="photo")
    with Image.open(io.BytesIO(answer.body)) as picture:
        assert picture.info["icc_profile"] == DISPLAY_P3
        np.testing.assert_array_equal(picture, cutout(PHOTO, alpha))
    answer = service.matte(**parts, output="composite", background="white", colors="photo")
    with Image.open(io.BytesIO(answer.body)) as picture:
        assert is_srgb(picture.info["icc_profile"])
        np.testing.assert_array_equal(picture, composite(to_srgb(PHOTO, DISPLAY_P3), alpha, (255, 255, 255)))


def test_a_trust_map(service, parts, lively_checkpoint):
    answer = service.matte(**parts, output="trust")
    _, trust = matte_with_trust(PHOTO, TRIMAP, lively_checkpoint)
    np.testing.assert_array_equal(answer.picture(), trust.picture())
    assert answer.report()["warnings"] == trust.lines()


def test_a_mask_becomes_a_trimap(service, parts, lively_checkpoint):
    mask = np.where(TRIMAP == 255, 255, 0).astype(np.uint8)
    answer = service.matte(image=parts["image"], mask=encoded(mask), erode=3, dilate="10%", format="npy")
    trimap = trimap_from_mask(mask, 3, "10%")
    np.testing.assert_array_equal(answer.array(), matte(PHOTO, trimap, lively_checkpoint))


def test_the_trimap_as_it_was_understood(service, parts):
    answer = service.matte(image=parts["image"], trimap=encoded(TRIMAP // 2), output="trimap")
    np.testing.assert_array_equal(answer.picture(), np.where(TRIMAP == 0, 0, 128))
    assert answer.report()["computed"] is None
    assert "marks no foreground" in answer.report()["trimap"]["warnings"][0]


def test_all_in_an_archive(service, parts, alpha):
    answer = service.matte(**parts, output="all", trust=True, background="checkerboard", format="npy")
    assert answer.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.body)) as entries:
        contents = {name: entries.read(name) for name in entries.namelist()}
    names = ["alpha.npy", "cutout.png", "composite.png", "trimap.png", "trust.png", "report.json"]
    assert list(contents) == names
    assert json.loads(contents["report.json"]) == answer.report()
    np.testing.assert_array_equal(picture_of("alpha.npy", contents["alpha.npy"]), alpha)
    np.testing.assert_array_equal(picture_of("trimap.png", contents["trimap.png"]), TRIMAP)
    assert picture_of("cutout.png", contents["cutout.png"]).shape == (*TRIMAP.shape, 4)


def test_all_in_parts(service, parts, alpha):
    answer = service.matte(**parts, output="all", report="part")
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    got = {part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
           for part in email.message_from_bytes(head + answer.body).get_payload()}  # fmt: skip
    assert list(got) == ["report", "alpha", "cutout", "trimap"]
    assert json.loads(got["report"])["width"] == TRIMAP.shape[1]
    np.testing.assert_array_equal(picture_of("alpha.png", got["alpha"]), to_integers(alpha))


def test_the_report(service, parts, lively_checkpoint):
    report = service.matte(**parts).report()
    assert report["model"] == lively_checkpoint.name
    assert (report["width"], report["height"]) == TRIMAP.shape[::-1]
    assert report["trimap"]["unknown"] == pytest.approx(1 - KNOWN.mean())
    assert 0 < report["computed"]["pixels"] <= 1
    assert report["precision"] == "highest"
    assert set(report["seconds"]) == {"queue", "read", "matte", "pictures"}
    assert all(seconds >= 0 for seconds in report["seconds"].values())


def test_a_turned_photo_is_upright(service, parts, lively_checkpoint):
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x112] = 6
    Image.fromarray(np.rot90(PHOTO).copy()).save(file, "PNG", exif=exif)
    answer = service.matte(image=file.getvalue(), trimap=parts["trimap"], format="npy")
    np.testing.assert_array_equal(answer.array(), matte(PHOTO, TRIMAP, lively_checkpoint))


def test_nothing_is_unknown(service):
    answer = service.matte(image=encoded(PHOTO[:1, :1]), trimap=encoded(np.full((1, 1), 255, np.uint8)), format="npy")
    assert answer.array().tolist() == [[1.0]]
    assert answer.report()["computed"] == {"pixels": 0.0, "tokens": 0.0}
