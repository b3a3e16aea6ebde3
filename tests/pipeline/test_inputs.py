"""Photo and trimap read together: as one by one, of two errors the photo's, files at the same time."""

import re
import threading

import numpy as np
import pytest
from PIL import Image
from support.bad_images import png_that_claims

from numpy_vitmatte.errors import ImageError, VitMatteError
from numpy_vitmatte.images.photo_reading import open_photo, read_photo
from numpy_vitmatte.images.pixel_limit import pixel_limit
from numpy_vitmatte.pipeline import inputs
from numpy_vitmatte.pipeline.inputs import read_input
from numpy_vitmatte.pipeline.photo_to_alpha import matte
from numpy_vitmatte.runtime.threads import set_num_threads
from numpy_vitmatte.trimaps.reading import read_trimap


@pytest.fixture
def files(tmp_path):
    random = np.random.default_rng(0)
    Image.fromarray(random.integers(0, 256, (30, 40, 3), dtype=np.uint8)).save(tmp_path / "photo.png")
    Image.fromarray(random.choice(np.array([0, 128, 255], np.uint8), (30, 40))).save(tmp_path / "trimap.png")
    return tmp_path / "photo.png", tmp_path / "trimap.png"


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("sparing", [False, True])
@pytest.mark.parametrize("given", ["paths", "images", "arrays"])
def test_as_one_by_one(files, given, sparing, threads):
    set_num_threads(threads)
    photo, trimap = files
    if given != "paths":
        photo, trimap = Image.open(photo), Image.open(trimap)
    if given == "arrays":
        photo, trimap = np.asarray(photo), np.asarray(trimap)
    read = read_input(photo, trimap, sparing=sparing)
    np.testing.assert_array_equal(read.photo.levels, read_photo(files[0]))
    expected, expected_report = read_trimap(files[1])
    np.testing.assert_array_equal(read.trimap, expected)
    assert read.report == expected_report


def test_mirrored_twice_is_the_same(files):
    """Both arrays, left and right exchanged, without a copy."""
    read = read_input(*files)
    mirrored = read.mirrored()
    np.testing.assert_array_equal(mirrored.photo.levels, np.fliplr(read.photo.levels))
    np.testing.assert_array_equal(mirrored.trimap, np.fliplr(read.trimap))
    assert np.shares_memory(mirrored.photo.levels, read.photo.levels)
    np.testing.assert_array_equal(mirrored.mirrored().photo.levels, read.photo.levels)


def decoding_threads(monkeypatch, files, **arguments):
    """The threads in which photo and trimap are read; where they are two, neither ends before the other begins."""
    seen, together = [], threading.Barrier(2)

    def noting(read):
        def note(*given, **options):
            seen.append(threading.get_ident())
            if not arguments:
                together.wait(60)
            return read(*given, **options)

        return note

    monkeypatch.setattr(inputs, "open_photo", noting(open_photo))
    monkeypatch.setattr(inputs, "read_trimap", noting(read_trimap))
    read_input(*files, **arguments)
    return seen


def test_files_at_the_same_time(monkeypatch, files):
    set_num_threads(2)
    assert len(set(decoding_threads(monkeypatch, files))) == 2


def test_sparing_one_after_the_other(monkeypatch, files):
    """So that only one decoder's memory is taken."""
    set_num_threads(2)
    assert decoding_threads(monkeypatch, files, sparing=True) == 2 * [threading.get_ident()]


def test_one_image_for_both(files):
    """A Pillow image that is not decoded yet, and whose file both would read."""
    set_num_threads(2)
    both = Image.open(files[1])
    read = read_input(both, both)
    np.testing.assert_array_equal(read.photo.levels, np.repeat(read.trimap[..., None], 3, axis=-1))


@pytest.mark.parametrize("threads", [1, 2])
def test_of_two_errors_the_photos(files, threads):
    set_num_threads(threads)
    photo, trimap = files
    with pytest.raises(ImageError, match=r"^trimap .*: no such file"):
        read_input(photo, trimap.with_name("none.png"))
    with pytest.raises(ImageError, match=r"^photo .*: no such file"):
        read_input(photo.with_name("none.png"), trimap.with_name("none.png"))


def test_sizes_must_agree(files, tmp_path):
    Image.new("L", (40, 31)).save(tmp_path / "tall.png")
    with pytest.raises(ImageError, match=r"40 x 30 pixels .* 40 x 31"):
        read_input(files[0], tmp_path / "tall.png")


@pytest.mark.parametrize("kind", ["trimap", "mask"])
def test_a_larger_trimap_is_not_decoded_where_memory_is_limited(tmp_path, lively_checkpoint, kind):
    """Decoding it may take more than all else. This one has no pixels to decode, so that trying to would be told."""
    Image.new("RGB", (64, 64)).save(tmp_path / "photo.png")
    (tmp_path / "large.png").write_bytes(png_that_claims(13000, 13000))
    given = {kind: tmp_path / "large.png"}
    with pixel_limit(0), pytest.raises(ImageError, match=r"photo is 64 x 64 .* its trimap 13000 x 13000"):
        matte(tmp_path / "photo.png", model=lively_checkpoint, max_memory="300MB", **given)


def test_a_trimap_of_floats_counts_as_what_it_is(tmp_path, lively_checkpoint):
    """As a photo of more than 8 bits does."""
    Image.new("RGB", (640, 640)).save(tmp_path / "photo.png")
    Image.new("L", (640, 640), 128).save(tmp_path / "levels.png")
    Image.new("F", (640, 640), 0.5).save(tmp_path / "floats.tif")
    needs = []
    for trimap in ("levels.png", "floats.tif"):
        with pytest.raises(VitMatteError, match="of memory at least") as caught:
            matte(tmp_path / "photo.png", tmp_path / trimap, lively_checkpoint, max_memory=1_000_000)
        needs.append(int(re.search(r"takes (\d+)MB", str(caught.value))[1]))
    assert needs[1] > needs[0]
