"""Trimaps from masks: bands of exact width, soft pixels left unknown, no border along the frame."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from numpy_vitmatte import trimap_from_mask
from numpy_vitmatte.errors import ImageError, VitMatteError
from numpy_vitmatte.trimaps.lengths import in_pixels

HALVES = np.zeros((40, 60), np.uint8)
HALVES[:, 30:] = 255
PHOTO = np.random.default_rng(2).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def runs(row):
    """The lengths of a row's runs of one value: [(value, length), ...]."""
    edges = np.flatnonzero(np.diff(row.astype(int))) + 1
    return [(int(part[0]), part.size) for part in np.split(row, edges)]


@pytest.mark.parametrize(("erode", "dilate"), [(0, 0), (0, 4), (7, 0), (10, 10), (3, 12)])
@pytest.mark.filterwarnings("ignore:nothing is unknown")
def test_a_straight_edge_loses_exactly_so_many_pixels(erode, dilate):
    """A size of 0 changes nothing, and the frame, which cuts the subject off on three sides, is no edge."""
    trimap = trimap_from_mask(HALVES, erode, dilate)
    expected = [(0, 30 - dilate), (128, dilate + erode), (255, 30 - erode)]
    for row in trimap:
        assert runs(row) == [run for run in expected if run[1]]


def test_a_corner_is_cut_by_a_disc():
    mask = np.zeros((41, 41), bool)
    mask[20, 20] = True
    rows, columns = np.mgrid[-20:21, -20:21]
    with pytest.warns(UserWarning, match=r"the erode of 1 pixels leaves no foreground"):
        trimap = trimap_from_mask(mask, 1, 6.5)
    np.testing.assert_array_equal(trimap, np.where(np.hypot(rows, columns) > 6.5, 0, 128))


def test_soft_pixels_stay_unknown_and_the_band_begins_beyond_them():
    mask = np.repeat(np.array([[0.0, 0.04, 0.06, 0.5, 0.94, 0.96, 1.0]]), [4, 2, 3, 3, 3, 2, 4], axis=1)
    assert runs(trimap_from_mask(mask, 0, 0)[0]) == [(0, 6), (128, 9), (255, 6)]
    assert runs(trimap_from_mask(mask, 2, 3)[0]) == [(0, 3), (128, 14), (255, 4)]
    assert runs(trimap_from_mask(mask, 0, 0, background=0, foreground=1)[0]) == [(0, 4), (128, 13), (255, 4)]
    assert runs(trimap_from_mask(mask, 0, 0, background=0.1, foreground=0.9)[0]) == [(0, 9), (128, 3), (255, 9)]


@given(
    mask=hnp.arrays(np.uint8, (11, 13), elements=st.sampled_from([0, 90, 255])),
    erode=st.floats(0, 6),
    dilate=st.floats(0, 6),
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_pixel_against_all_others(mask, erode, dilate):
    """Known are pixels with nothing else than their own value within the given distance, by trying all pairs."""
    trimap = trimap_from_mask(mask, erode, dilate)
    rows, columns = np.indices(mask.shape)
    for value, width in ((255, erode), (0, dilate)):
        others = np.argwhere(mask != value)
        squares = (rows[..., None] - others[:, 0]) ** 2 + (columns[..., None] - others[:, 1]) ** 2
        expected = np.all(squares > width * width, axis=-1)
        np.testing.assert_array_equal(trimap == value, expected)


@pytest.mark.extras("scipy")
@given(erode=st.integers(1, 9), dilate=st.integers(1, 9), seed=st.integers(0, 2**32 - 1))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_erosion_by_a_disc_as_scipy_does_it(erode, dilate, seed):
    ndimage = pytest.importorskip("scipy.ndimage", reason="SciPy comes with the extra [foreground]")
    mask = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((50, 70)), 8) > 0

    def eroded(part, radius):
        rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
        disc = rows**2 + columns**2 <= radius**2
        return ndimage.binary_erosion(part, disc, border_value=1)

    trimap = trimap_from_mask(mask, erode, dilate)
    np.testing.assert_array_equal(trimap == 255, eroded(mask, erode))
    np.testing.assert_array_equal(trimap == 0, eroded(~mask, dilate))


CUTOUT = np.dstack([PHOTO, HALVES])


@pytest.mark.parametrize(
    "source",
    [
        HALVES > 0,
        HALVES // 255,
        HALVES / 255,
        HALVES.astype(np.uint16) * 257,
        HALVES[None],
        CUTOUT,
        CUTOUT / 255,
        Image.fromarray(HALVES),
        Image.fromarray(HALVES > 0),
        Image.fromarray(HALVES).convert("RGB"),
        Image.fromarray(CUTOUT),
        Image.fromarray(CUTOUT).convert("LA"),
        Image.fromarray(CUTOUT).convert("RGBa"),
    ],
    ids=lambda source: f"{getattr(source, 'mode', '')}{getattr(source, 'dtype', '')}{getattr(source, 'shape', '')}",
)
def test_masks_alphas_and_cutouts_in_every_form(source):
    np.testing.assert_array_equal(trimap_from_mask(source, 5, 6), trimap_from_mask(HALVES, 5, 6))


def test_a_files_cutout_and_its_mask_agree(tmp_path):
    Image.fromarray(CUTOUT).save(tmp_path / "cutout.png")
    np.testing.assert_array_equal(trimap_from_mask(tmp_path / "cutout.png", 5), trimap_from_mask(HALVES, 5))


def test_a_trimaps_unknown_region_grows():
    trimap = trimap_from_mask(HALVES, 3, 4)
    np.testing.assert_array_equal(trimap_from_mask(trimap, 2, 5), trimap_from_mask(HALVES, 5, 9))


def test_widths_are_shares_of_the_shorter_side_unless_in_pixels():
    assert [in_pixels(size, (40, 60), "erode") for size in ("10%", " 10 % ", "10", 10, 2.5, np.float32(3), 0)] == [
        4, 4, 10, 10, 2.5, 3, 0,
    ]  # fmt: skip
    assert in_pixels("2%", (900, 600), "erode") == 12
    large = np.repeat(np.repeat(HALVES, 10, 0), 10, 1)
    assert runs(trimap_from_mask(large, "5%", "10%")[0]) == [(0, 260), (128, 60), (255, 280)]
    assert runs(trimap_from_mask(large)[0]) == [(0, 292), (128, 16), (255, 292)]  # 2 % of 400 on both sides


@pytest.mark.parametrize("size", [-1, "-1%", float("nan"), float("inf"), "wide", "", "%", None, True, [3]])
def test_widths_that_cannot_be(size):
    with pytest.raises(VitMatteError, match=r"^dilate is .*; expected 0 or more pixels, such as 10, or a share of"):
        trimap_from_mask(HALVES, 1, size)


@pytest.mark.parametrize(("background", "foreground"), [(0.5, 0.5), (0.6, 0.4), (-0.1, 1), (0, 1.1), (0, "1")])
def test_thresholds_that_cannot_be(background, foreground):
    with pytest.raises(VitMatteError, match="expected numbers from 0 to 1, background below foreground"):
        trimap_from_mask(HALVES, background=background, foreground=foreground)


@pytest.mark.parametrize(
    ("mask", "erode", "dilate", "messages"),
    [
        (HALVES, 30, 1, ["the erode of 30 pixels leaves no foreground: the mask's own is at most 30.0 pixels deep"]),
        (HALVES, 1, 1e300, ["the dilate of 1e+300 pixels leaves no background: the mask's own is at most 30.0 pixels"]),
        (HALVES // 2, 1, 1, ["the mask holds no foreground (its brightest level is 127, foreground begins at 242)"]),
        (HALVES // 2 + 99, 1, 1, ["holds no foreground", "no background (its darkest level is 99, background ends"]),
        (HALVES, 0, 0, ["nothing is unknown"]),
        (np.full((4, 5), 255, np.uint8), 1, 1, ["the mask holds no background", "nothing is unknown"]),
    ],
)  # fmt: skip
def test_what_is_missing_is_said(mask, erode, dilate, messages):
    with pytest.warns(UserWarning, match=r"foreground|background|unknown") as caught:
        trimap_from_mask(mask, erode, dilate)
    assert len(caught) == len(messages)
    for warning, message in zip(caught, messages, strict=True):
        assert message in str(warning.message)
        assert warning.filename == __file__


def test_erosion_stops_where_the_message_says():
    trimap = trimap_from_mask(HALVES, 29.9, 1)
    assert runs(trimap[0]) == [(0, 29), (128, 30), (255, 1)]


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (PHOTO, "mask is in color and has no transparency .*; expected a gray mask, black background and white fore"),
        (np.dstack([PHOTO, HALVES | 255]), "mask is in color and is equally transparent everywhere"),
        (np.zeros((0, 4)), "mask is empty"),
        (np.array([[0.0, np.nan]]), "mask holds 1 NaN"),
        (np.array([[-3.0, 4.0]]), "mask has values -3 to 4"),  # a network's logits
        (None, "mask is a NoneType"),
        ("nowhere.png", "mask 'nowhere.png': no such file"),
    ],
)
def test_what_cannot_be_a_mask(mask, message):
    with pytest.raises(ImageError, match=message):
        trimap_from_mask(mask)
