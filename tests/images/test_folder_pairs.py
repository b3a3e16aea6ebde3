"""Files of one stem belong together; whatever has no partner, or two, is said."""

import unicodedata

import pytest

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.images.folder_pairs import match_by_stem


def folders(tmp_path, **names):
    """A folder for every role, with empty files of these names."""
    made = {}
    for role, files in names.items():
        made[role] = tmp_path / f"{role}s"
        made[role].mkdir()
        for name in files:
            (made[role] / name).touch()
    return made


def test_matches_go_by_stem_in_order(tmp_path):
    given = folders(tmp_path, photo=["b.JPG", "a.jpeg", "c.1.png"], trimap=["c.1.tiff", "a.png", "b.npy"])
    (given["photo"] / "d.png").mkdir()
    (given["photo"] / ".e.png").touch()
    (given["trimap"] / "notes.txt").touch()
    found = match_by_stem(given)
    assert [(match.stem, *(path.name for path in match.files.values())) for match in found.matches] == [
        ("a", "a.jpeg", "a.png"),
        ("b", "b.JPG", "b.npy"),
        ("c.1", "c.1.png", "c.1.tiff"),
    ]
    assert found.problems == {}
    assert found.left_out == (given["trimap"] / "notes.txt",)


def test_what_has_no_match_is_said(tmp_path):
    given = folders(
        tmp_path,
        photo=["both.png", "lonely.jpg", "two.jpg", "two.png", "raw.heicx"],
        trimap=["both.png", "two.png", "single.png", "raw.png"],
    )
    photos, trimaps = (repr(str(folder)) for folder in given.values())
    found = match_by_stem(given)
    assert [match.stem for match in found.matches] == ["both"]
    assert found.problems == {
        "lonely": f"no trimap of that stem in {trimaps} for the photo 'lonely.jpg'",
        "raw": f"no photo of that stem in {photos} for the trimap 'raw.png' (raw.heicx is no kind of picture that "
        "is read)",
        "single": f"no photo of that stem in {photos} for the trimap 'single.png'",
        "two": f"2 photos of one stem in {photos} (two.jpg, two.png); keep one",
    }


def test_accents_match_however_they_are_stored(tmp_path):
    name = "caf\u00e9.png"
    found = match_by_stem(folders(tmp_path, photo=[name], trimap=[unicodedata.normalize("NFD", name)]))
    assert [match.stem for match in found.matches] == ["caf\u00e9"]


def test_folders_that_cannot_be_matched(tmp_path):
    given = folders(tmp_path, photo=["a.png"], trimap=["b.png"])
    photos, trimaps = given.values()
    for other, message in [
        (trimaps, "not one stem is in each of .* for example 'a': no trimap of that stem"),
        (photos, "photo folder and trimap folder are the same"),
        (tmp_path / "none", "trimap folder .*none': no such folder"),
        (photos / "a.png", "trimap folder .* is a file; expected a folder"),
    ]:
        with pytest.raises(VitMatteError, match=message):
            match_by_stem({"photo": photos, "trimap": other})
    (photos / "a.png").unlink()
    (trimaps / "b.png").unlink()
    with pytest.raises(VitMatteError, match="there are no pictures in"):
        match_by_stem(given)
