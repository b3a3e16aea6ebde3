"""A file appears whole or not at all."""

import os
import subprocess
import sys

import pytest

from numpy_vitmatte.files.atomic_write import atomic_path, remove_leftovers, temporary_name


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


def test_long_names_leave_room_for_the_temporary_one(tmp_path):
    destination = tmp_path / ("a" * 250 + ".png")
    with atomic_path(destination) as temporary:
        temporary.write_text("new")
    assert destination.read_text() == "new"


WRITER = """
import sys
from pathlib import Path
from numpy_vitmatte.files.atomic_write import atomic_path
with atomic_path(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("writing", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(os.name != "posix", reason="Windows does not remove what a process has open")
def test_leftovers_of_killed_processes_are_removed_and_of_living_ones_not(tmp_path):
    writers = []
    for name in ("killed.png", "living.png"):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / name)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        assert writer.stdout.readline() == "writing\n"
        writers.append(writer)
    killed, living = writers
    killed.kill()
    killed.communicate()
    others = ".hidden", ".hidden-0123abcd.png", "plain-0123abcd-0123abcd.partial.png"
    for name in others:
        (tmp_path / name).touch()
    assert len(list(tmp_path.iterdir())) == 5
    assert remove_leftovers(tmp_path) == 1
    assert remove_leftovers(tmp_path) == 0
    living.communicate("")
    assert living.returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "living.png", *others,
    }  # fmt: skip
    assert (tmp_path / "living.png").read_text() == "half"


@pytest.mark.skipif(os.name != "posix", reason="Windows does not remove what a process has open")
def test_files_of_another_machine_stay_where_everybody_gets_the_lock(tmp_path, monkeypatch):
    """As on some network disks: the other machine may still be writing, unless it has not for a day."""
    monkeypatch.setattr("fcntl.flock", lambda *arguments: None)
    for name in ("young", "old"):
        monkeypatch.setattr("socket.gethostname", lambda: "another-machine")
        left = temporary_name(tmp_path / f"{name}.png")
        left.touch()
        monkeypatch.setattr("socket.gethostname", lambda: "this-machine")
    os.utime(left, (0, 0))
    assert remove_leftovers(tmp_path) == 1
    assert [path.name.split("-")[0] for path in tmp_path.iterdir()] == [".young"]
