"""Bad input to any command: one line that says what is wrong, exit status 2, and nothing in the folder has changed."""

import os
import shutil

import pytest
from PIL import Image
from support.bad_inputs import TABLES
from support.matting_job import PHOTO, TRIMAP

from numpy_vitmatte.cli import demo, main

ROWS = [row for table in TABLES for row in table]


@pytest.fixture
def folder(tmp_path, monkeypatch, lively_checkpoint):
    """The working directory of a row: a photo, its trimap and a checkpoint; the demo's photo is the same."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, "DEMO_FOLDER", tmp_path)
    monkeypatch.setattr(demo, "BUNDLED", {"lemur": ("photo.png", "trimap.png")})
    Image.fromarray(PHOTO).save("photo.png")
    Image.fromarray(TRIMAP).save("trimap.png")
    shutil.copytree(lively_checkpoint, "checkpoint")
    return tmp_path


def everything(folder):
    """All that lies in a folder: where links lead, what files hold."""
    return {
        str(path): os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.kind)
def test_refused_in_one_line(row, folder, capsys):
    if row.prepare is not None:
        row.prepare(folder)
    before = everything(folder)
    try:
        status = main(row.command.split())
    except SystemExit as leaving:
        status = leaving.code
    printed = capsys.readouterr()
    assert status == 2
    assert printed.out == ""
    # The first command of a test run may also say that kernels are being compiled.
    (line,) = [line for line in printed.err.splitlines() if "compiling the kernels" not in line]
    assert line.startswith("numpy-vitmatte")
    assert ": error: " in line
    assert row.message in line
    assert everything(folder) == before


def test_the_table_is_long_and_says_each_thing_once():
    kinds = [row.kind for row in ROWS]
    assert len(kinds) == len(set(kinds))
    assert len(kinds) >= 60
