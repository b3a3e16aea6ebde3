"""A file appears whole or not at all."""

import os

import pytest

from numpy_vitmatte.atomic_write import atomic_path


def test_takes_its_place_on_success(tmp_path):
    destination = tmp_path / "alpha.png"
    destination.write_text("old")
    with atomic_path(destination) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".png"
        temporary.write_text("new")
        assert destination.read_text() == "old"
    assert destination.read_text() == "new"
    assert list(tmp_path.iterdir()) == [destination]


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt])
def test_leaves_what_was_there_on_failure(interruption, tmp_path):
    destination = tmp_path / "alpha.png"
    destination.write_text("old")

    def write_half() -> None:
        with atomic_path(destination) as temporary:
            temporary.write_text("half")
            raise interruption

    with pytest.raises(interruption):
        write_half()
    assert destination.read_text() == "old"
    assert list(tmp_path.iterdir()) == [destination]


def test_leaves_nothing_where_it_cannot_take_its_place(tmp_path):
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    with pytest.raises(OSError), atomic_path(tmp_path / "folder"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "absent" / "alpha.png"):
        pass


@pytest.mark.skipif(os.name != "posix", reason="file rights are POSIX's")
def test_has_the_rights_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    with atomic_path(tmp_path / "atomic"):
        pass
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode
