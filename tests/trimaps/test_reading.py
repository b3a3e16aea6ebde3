"""The door for trimaps: what comes in in any form leaves as 0, 128 and 255, with a report."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.trimaps.reading import read_trimap

CLEAN = np.array([[0, 0, 128, 255, 0], [128, 255, 255, 128, 128]], np.uint8)
STEPS = CLEAN.astype(int) // 127  # 0, 1, 2


def gray_alpha(gray, alpha):
    return Image.merge("LA", [Image.fromarray(np.asarray(band, np.uint8)) for band in (gray, alpha)])


def saved(image, **arguments):
    file = io.BytesIO()
    image.save(file, **arguments)
    return Image.open(file)


def palette_image(colors):
    """A P image whose indices 0, 1, 2 are not its colors."""
    image = Image.fromarray(STEPS.astype(np.uint8)).convert("P")
    image.putdata(STEPS.ravel().tolist())
    image.putpalette([channel for color in colors for channel in color])
    return image


THE_SAME_TRIMAP = {
    "uint8": (CLEAN, "values 0 to 255"),
    "int64": (CLEAN.astype(np.int64), "values 0 to 255"),
    "float 255": (CLEAN.astype(np.float32), "values 0 to 255"),
    "float 0.5": (STEPS / 2, "floats in [0, 1]"),
    "float 128 / 255": (CLEAN / 255, "floats in [0, 1]"),
    "float16": ((STEPS / 2).astype(np.float16), "floats in [0, 1]"),
    "labels": (STEPS.astype(np.uint8), "values 0, 1 and 2"),
    "float labels": (STEPS.astype(float), "values 0, 1 and 2"),
    "16-bit": (CLEAN.astype(np.uint16) * 257, "16-bit values"),
    "16-bit halves": (np.array([0, 32768, 65535], np.uint16)[STEPS], "16-bit values"),
    "HW1": (CLEAN[..., None], "values 0 to 255"),
    "1HW": (CLEAN[None], "values 0 to 255"),
    "HW3": (np.stack([CLEAN] * 3, -1), "values 0 to 255"),
    "HW4 opaque": (np.stack([CLEAN] * 3 + [np.full_like(CLEAN, 255)], -1), "values 0 to 255"),
    "labels, opaque": (np.stack([STEPS] * 3 + [np.full_like(STEPS, 255)], -1), "values 0, 1 and 2"),
    "not contiguous": (np.repeat(np.repeat(CLEAN, 2, 0), 3, 1)[::2, ::3], "values 0 to 255"),
    "PIL L": (Image.fromarray(CLEAN), "values 0 to 255"),
    "PIL RGB": (Image.fromarray(CLEAN).convert("RGB"), "values 0 to 255"),
    "PIL RGBA": (Image.fromarray(CLEAN).convert("RGBA"), "values 0 to 255"),
    "PIL CMYK": (Image.fromarray(CLEAN).convert("RGB").convert("CMYK"), "values 0 to 255"),
    "PIL I": (Image.fromarray(CLEAN).convert("I"), "values 0 to 255"),
    "PIL F": (Image.fromarray(CLEAN).convert("F"), "values 0 to 255"),
    "PIL I;16": (Image.fromarray(CLEAN.astype(np.uint16) * 257), "16-bit values"),
    "PIL P": (palette_image([(0, 0, 0), (128, 128, 128), (255, 255, 255)]), "values 0 to 255"),
    "PNG 16-bit": (saved(Image.fromarray(CLEAN.astype(np.uint16) * 257), format="PNG"), "16-bit values"),
    "alpha of white": (gray_alpha(np.full_like(CLEAN, 255), CLEAN), "transparency, values 0 to 255"),
    "alpha of black": (gray_alpha(np.zeros_like(CLEAN), CLEAN), "transparency, values 0 to 255"),
    "premultiplied": (
        gray_alpha(np.full_like(CLEAN, 255), CLEAN).convert("La"),
        "values 0 to 255, transparent is background",
    ),
    "hidden white": (
        gray_alpha(np.where(CLEAN == 0, 255, CLEAN), np.where(CLEAN == 0, 0, 255)),
        "values 0 to 255, transparent is background",
    ),
    "palette with transparency": (
        saved(palette_image([(255, 255, 255), (128, 128, 128), (255, 255, 255)]), format="PNG", transparency=0),
        "values 0 to 255, transparent is background",
    ),
}


@pytest.mark.parametrize("kind", THE_SAME_TRIMAP)
def test_every_form_of_one_trimap_is_understood(kind):
    """One trimap in every encoding gives the same three values, and none of them counts as moved."""
    source, understood_as = THE_SAME_TRIMAP[kind]
    trimap, report = read_trimap(source)
    assert trimap.dtype == np.uint8
    np.testing.assert_array_equal(trimap, CLEAN)
    assert report.understood_as == understood_as
    assert (report.snapped, report.between) == (0, 0)
    assert (report.foreground, report.background, report.unknown) == pytest.approx((0.3, 0.3, 0.4))
    assert report.warnings == ()


@pytest.mark.parametrize(
    "mask",
    [
        CLEAN > 0,
        (CLEAN > 0).astype(np.uint8),
        (CLEAN > 0) * 1.0,
        Image.fromarray(CLEAN > 0),
    ],
)
def test_masks_have_no_unknown_and_the_report_says_what_that_means(mask):
    trimap, report = read_trimap(mask)
    np.testing.assert_array_equal(trimap, np.where(CLEAN > 0, 255, 0))
    assert report.unknown == 0
    (warning,) = report.warnings
    assert "the alpha is the trimap itself" in warning


@pytest.mark.parametrize(
    ("level", "becomes", "moved"),
    [
        (0, 0, "exact"),
        (1, 0, "snapped"),
        (32, 0, "snapped"),
        (33, 128, "between"),
        (95, 128, "between"),
        (96, 128, "snapped"),
        (127, 128, "snapped"),
        (128, 128, "exact"),
        (160, 128, "snapped"),
        (161, 128, "between"),
        (222, 128, "between"),
        (223, 255, "snapped"),
        (254, 255, "snapped"),
        (255, 255, "exact"),
    ],
)
def test_thresholds(level, becomes, moved):
    """What is near is moved there and counted; what is near nothing is left to the network."""
    trimap, report = read_trimap(np.array([[level, 255]], np.uint8))
    assert trimap.tolist() == [[becomes, 255]]
    assert (report.snapped, report.between) == {"exact": (0, 0), "snapped": (1, 0), "between": (0, 1)}[moved]


def test_jpeg_trimap_comes_back_clean():
    """The reason for the tolerance of 32: JPEG at quality 85 does not change which third a pixel belongs to."""
    rows, columns = np.mgrid[:200, :300]
    distance = np.hypot((rows - 100) / 90, (columns - 150) / 130)
    clean = np.select([distance < 0.6, distance < 0.9], [255, 128], 0).astype(np.uint8)
    trimap, report = read_trimap(saved(Image.fromarray(clean), format="JPEG", quality=85))
    np.testing.assert_array_equal(trimap, clean)
    assert report.snapped > 100
    assert report.between == 0


@pytest.mark.parametrize(
    ("values", "messages"),
    [
        ([0, 128], ["no foreground (its brightest level is 128, foreground begins at 223)"]),
        ([128, 255], ["no background (its darkest level is 128, background ends at 32)"]),
        ([0, 255], ["nothing as unknown"]),
        ([128, 128], ["no foreground", "no background"]),
        ([0, 0], ["no foreground", "nothing as unknown"]),
        ([255, 255], ["no background", "nothing as unknown"]),
        ([0, 60, 200, 255], ["50% of the trimap lies between"]),
    ],
)
def test_what_is_missing_is_explained(values, messages):
    _, report = read_trimap(np.array([values], np.uint8))
    assert len(report.warnings) == len(messages)
    for warning, message in zip(report.warnings, messages, strict=True):
        assert message in warning


def test_report_in_words():
    _, report = read_trimap(np.array([[0, 0, 3, 128, 60, 255, 255, 250]], np.uint8))
    assert report.lines() == [
        "trimap: values 0 to 255; 37.5% foreground, 37.5% background, 25.0% unknown",
        "trimap: 2 pixels near 0, 128 or 255 were moved there, 1 in between became unknown",
        "warning: 12% of the trimap lies between black, gray and white and counts as unknown: is it a soft mask or a "
        "photo?",
    ]


def test_trimap_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[274] = 3  # upside down
    Image.fromarray(CLEAN[::-1, ::-1]).save(tmp_path / "trimap.png", exif=exif)
    np.testing.assert_array_equal(read_trimap(tmp_path / "trimap.png")[0], CLEAN)


def test_palette_colors_count_and_not_its_indices():
    colors = palette_image([(255, 255, 255), (128, 128, 128), (0, 0, 0)])
    np.testing.assert_array_equal(read_trimap(colors)[0], np.array([255, 128, 0])[STEPS])


def test_color_is_refused_but_not_jpegs_little_color():
    tinted = np.stack([CLEAN, CLEAN, CLEAN // 9 * 8], -1)  # up to 31 levels off
    np.testing.assert_array_equal(read_trimap(tinted)[0], CLEAN)
    with pytest.raises(ImageError, match="Were photo and trimap exchanged"):
        read_trimap(np.stack([CLEAN, CLEAN, 255 - CLEAN], -1))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((0, 4), np.uint8), "empty"),
        (np.array([[0, np.nan]]), "1 NaN or infinite"),
        (np.array([[0, np.inf]]), "1 NaN or infinite"),
        (np.array([[-1, 1]]), "values -1 to 1"),
        (np.array([[0, 1.3]]), "clip them first"),
        (np.array([[0, 70000]]), "values up to 70000"),
        (np.zeros((5, 6, 2), np.uint8), "1, 3 or 4 channels"),
        (np.array([["a"]]), "dtype"),
        (np.array([[1j]]), "dtype"),
        ([[0, 1]], "is a list"),
        (None, "is a NoneType"),
    ],
    ids=str,
)
def test_what_cannot_be_a_trimap(bad, message):
    with pytest.raises(ImageError, match=message):
        read_trimap(bad)


@given(
    hnp.arrays(
        np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12), elements=st.integers(0, 255)
    )
)
def test_three_values_leave_it_and_reading_again_changes_nothing(levels):
    trimap, report = read_trimap(levels)
    assert trimap.shape == levels.shape
    assert set(np.unique(trimap)) <= {0, 128, 255}
    assert report.foreground + report.background + report.unknown == pytest.approx(1)
    assert 0 <= report.snapped + report.between <= levels.size
    again, second = read_trimap(trimap)
    np.testing.assert_array_equal(again, trimap)
    assert (second.snapped, second.between) == (0, 0)


@given(hnp.arrays(np.uint8, (5, 7), elements=st.integers(3, 255)))
def test_encodings_agree_about_any_picture(levels):
    """8 bits, 16 bits and floats of the same picture are the same trimap."""
    expected = read_trimap(levels)[0]
    for other in (levels.astype(np.uint16) * 257, levels.astype(np.float64) / 255, levels.astype(np.int32)):
        np.testing.assert_array_equal(read_trimap(other)[0], expected)
