"""The trimap doctor: one patient with each illness, what is said of it, and what leaves it."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageFilter

from numpy_vitmatte import check_trimap, read_trimap
from numpy_vitmatte.errors import ImageError

ROWS, COLUMNS = np.mgrid[:90, :120]
DISTANCE = np.hypot((ROWS - 45) / 40, (COLUMNS - 60) / 55)
CLEAN = np.select([DISTANCE < 0.6, DISTANCE < 0.9], [255, 128], 0).astype(np.uint8)
PHOTO = np.random.default_rng(1).integers(0, 256, (90, 120, 3), dtype=np.uint8)
FORM = "form: Pillow's mode {}; expected L, 8-bit gray"
SCALE = "scale: it was read as {}; other tools expect values 0, 128 and 255"


def saved(image, file_format, **arguments):
    file = io.BytesIO()
    image.save(file, file_format, **arguments)
    return Image.open(file)


def upside_down():
    exif = Image.Exif()
    exif[274] = 3
    return saved(Image.fromarray(CLEAN[::-1, ::-1]), "PNG", exif=exif)


def with_alpha(mode):
    image = Image.fromarray(np.full_like(CLEAN, 255)).convert(mode)
    image.putalpha(Image.fromarray(CLEAN))
    return image


def findings_of(source, photo=None):
    return [str(finding) for finding in check_trimap(source, photo).findings]


@pytest.mark.parametrize("photo", [None, PHOTO, Image.fromarray(PHOTO), PHOTO.transpose(2, 0, 1)])
@pytest.mark.parametrize("source", [CLEAN, Image.fromarray(CLEAN), saved(Image.fromarray(CLEAN), "PNG")])
def test_a_healthy_trimap(source, photo):
    diagnosis = check_trimap(source, photo)
    assert (diagnosis.findings, diagnosis.remaining) == ((), ())
    np.testing.assert_array_equal(diagnosis.trimap, CLEAN)
    assert diagnosis.report == read_trimap(CLEAN)[1]
    assert diagnosis.lines() == [diagnosis.report.lines()[0], "nothing to repair"]
    diagnosis.require_clean()


@pytest.mark.parametrize(
    ("source", "findings"),
    [
        (Image.fromarray(CLEAN).convert("RGB"), [FORM.format("RGB, colors")]),
        (Image.fromarray(CLEAN).convert("RGBA"), [FORM.format("RGBA, colors with transparency")]),
        (Image.fromarray(CLEAN).convert("P"), [FORM.format("P, a palette")]),
        (Image.fromarray(CLEAN).convert("CMYK"), [FORM.format("CMYK, print colors")]),
        (Image.fromarray(CLEAN).convert("YCbCr"), [FORM.format("YCbCr, an unusual one")]),
        (with_alpha("L"), [FORM.format("LA, gray with transparency"), SCALE.format("transparency, values 0 to 255")]),
        (
            saved(Image.fromarray(CLEAN.astype(np.uint16) * 257), "PNG"),
            [FORM.format("I;16, 16-bit integers"), SCALE.format("16-bit values")],
        ),
        (Image.fromarray(CLEAN // 127), [SCALE.format("values 0, 1 and 2")]),
        (CLEAN // 127, [SCALE.format("values 0, 1 and 2")]),
        (
            CLEAN / 255,
            ["form: an array of float64, shape (90, 120); expected uint8, (height, width)",
             SCALE.format("floats in [0, 1]")],
        ),
        (CLEAN[None], ["form: an array of uint8, shape (1, 90, 120); expected uint8, (height, width)"]),
        (upside_down(), ["orientation: EXIF orientation 3, which many tools overlook; expected upright pixels"]),
        (np.where(CLEAN == 128, 127, CLEAN).astype(np.uint8), ["levels: 128 is written as 127 throughout"]),
        (
            np.array([10, 100, 250], np.uint8)[CLEAN // 127],
            ["levels: 0 is written as 10 throughout", "levels: 128 is written as 100 throughout",
             "levels: 255 is written as 250 throughout"],
        ),
    ],
)  # fmt: skip
def test_what_is_repaired_without_loss(source, findings):
    """Scale, mode and levels: nothing is lost, so the trimap that leaves is the clean one."""
    diagnosis = check_trimap(source)
    assert [str(finding) for finding in diagnosis.findings] == findings
    assert diagnosis.remaining == ()
    np.testing.assert_array_equal(diagnosis.trimap, CLEAN)
    assert findings_of(diagnosis.trimap) == []
    assert diagnosis.lines()[1:] == [f"can be repaired: {finding}" for finding in findings]


def test_jpeg_noise():
    jpeg = saved(Image.fromarray(CLEAN), "JPEG", quality=85)
    levels = np.asarray(jpeg).astype(int)
    off = np.abs(levels - CLEAN)
    assert findings_of(jpeg) == [
        f"noise: {np.count_nonzero(off)} pixels lie up to {off.max()} levels off 0, 128 and 255; the file is a JPEG, "
        "which is lossy: keep trimaps as PNG"
    ]
    np.testing.assert_array_equal(check_trimap(jpeg).trimap, CLEAN)


def test_jpeg_noise_in_a_png_is_still_noise():
    noisy = saved(Image.fromarray(CLEAN), "JPEG", quality=60)
    findings = check_trimap(np.asarray(noisy)).findings
    assert findings[0].kind == "noise"
    assert findings[0].message.endswith("levels off 0, 128 and 255; as lossy files leave them")


@pytest.mark.parametrize(
    "soften",
    [
        lambda image: image.filter(ImageFilter.GaussianBlur(0.6)),
        lambda image: image.resize((240, 180), Image.Resampling.BILINEAR),
        lambda image: image.resize((480, 360), Image.Resampling.BILINEAR),
        lambda image: image.resize((60, 45), Image.Resampling.BOX),
    ],
)
def test_soft_edges(soften):
    """What lies between the three values along an edge becomes unknown, nothing else changes."""
    softened = np.asarray(soften(Image.fromarray(CLEAN)))
    (finding,) = check_trimap(softened).findings
    count = np.count_nonzero(~np.isin(softened, (0, 128, 255)))
    assert finding.kind == "soft edges"
    assert finding.message.startswith(f"{count} pixels along edges have other levels than 0, 128 and 255, as smoothing")
    assert finding.repaired


def test_a_soft_mask_is_no_trimap():
    ramp = np.tile(np.arange(0, 256, dtype=np.uint8), (20, 1))
    diagnosis = check_trimap(ramp)
    (gray,) = (finding for finding in diagnosis.findings if finding.kind == "in-between gray")
    # 33 to 95 and 161 to 222: 125 of 256 levels
    assert gray.message == (
        "48.8% of the trimap lies in areas near none of 0, 128 and 255 and becomes unknown: is it a soft mask, an "
        "alpha or a photo? numpy-vitmatte trimap MASK makes a trimap of a mask"
    )
    assert not gray.repaired
    assert gray in diagnosis.remaining
    assert f"needs a person: {gray}" in diagnosis.lines()


def test_a_little_in_between_gray_is_repaired():
    spotted = CLEAN.copy()
    spotted[2:12, 2:12] = 64
    (finding,) = check_trimap(spotted).findings
    assert (finding.kind, finding.repaired) == ("in-between gray", True)
    assert finding.message.startswith("0.9% of the trimap")
    assert (check_trimap(spotted).trimap[2:12, 2:12] == 128).all()


@pytest.mark.parametrize(
    ("trimap", "message"),
    [
        (np.minimum(CLEAN, 128), "classes: the trimap marks no foreground (its brightest level is 128"),
        (np.maximum(CLEAN, 128), "classes: the trimap marks no background (its darkest level is 128"),
        (np.where(CLEAN == 128, 0, CLEAN), "classes: the trimap marks nothing as unknown: the alpha is the trimap"),
    ],
)
def test_missing_classes_need_a_person(trimap, message):
    diagnosis = check_trimap(trimap.astype(np.uint8))
    (finding,) = (finding for finding in diagnosis.remaining if finding.kind == "classes")
    assert str(finding).startswith(message)


def test_mostly_unknown():
    wide = np.full((10, 10), 128, np.uint8)
    wide[:2], wide[-2:] = 0, 255
    assert findings_of(wide) == [
        "unknown share: 60% of the trimap is unknown, value 128: mark what is surely subject and what surely is not"
    ]
    wide[2] = 0
    assert findings_of(wide) == []


def test_size_is_a_finding():
    diagnosis = check_trimap(CLEAN[:-5], PHOTO)
    (finding,) = diagnosis.findings
    assert (finding.kind, finding.repaired) == ("size", False)
    assert diagnosis.trimap.shape == (85, 120)


def test_strictness_names_everything():
    with pytest.raises(ImageError, match=r"^trimap 'a' is refused: form: .*; scale: .*; classes: .* unknown: .*$"):
        check_trimap((CLEAN > 99) * 1.0).require_clean("trimap 'a'")


@pytest.mark.parametrize(
    ("source", "message"),
    [(PHOTO, "Were photo and trimap exchanged"), (np.array([[np.nan]]), "NaN"), ("no.png", "no such")],
)
def test_what_is_no_trimap(source, message):
    with pytest.raises(ImageError, match=message):
        check_trimap(source)


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(3, 255)))
def test_the_repaired_trimap_is_what_matte_reads_and_needs_no_second_repair(levels):
    diagnosis = check_trimap(levels)
    np.testing.assert_array_equal(diagnosis.trimap, read_trimap(levels)[0])
    again = check_trimap(diagnosis.trimap)
    assert again.findings == again.remaining
    assert {finding.kind for finding in again.findings} <= {"classes", "unknown share"}
    off = np.count_nonzero(diagnosis.trimap != levels)
    assert bool(off) == bool([f for f in diagnosis.findings if f.kind not in ("classes", "unknown share")])
