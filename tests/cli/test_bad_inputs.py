"""Bad input to any command: one line that says what is wrong, exit status 2, and nothing in the folder has changed."""

import os

import pytest
from support.bad_inputs import TABLES
from support.command_line import assert_refused, run

from numpy_vitmatte.cli import demo

ROWS = [row for table in TABLES for row in table]


@pytest.fixture(autouse=True)
def bundled(folder, monkeypatch):
    """The demo's photo is that of the working directory."""
    monkeypatch.setattr(demo, "DEMO_FOLDER", folder)
    monkeypatch.setattr(demo, "BUNDLED", {"lemur": ("photo.png", "trimap.png")})


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
    result = run(capsys, *row.command.split())
    assert_refused(result, row.message)
    assert ": error: " in result[2][0]
    assert everything(folder) == before


def test_the_table_is_long_and_says_each_thing_once():
    kinds = [row.kind for row in ROWS]
    assert len(kinds) == len(set(kinds))
    assert len(kinds) >= 60
