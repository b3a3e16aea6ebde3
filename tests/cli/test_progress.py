"""The bar of a photo that takes long."""

import os
import subprocess
import sys

import pytest
from PIL import Image
from support.matting_job import PHOTO, TRIMAP
from support.processes import child_environment

termios = pytest.importorskip("termios", reason="there are no terminals of POSIX here")
pty = pytest.importorskip("pty", reason="there are no terminals of POSIX here")

AT_ONCE = """
import sys
from numpy_vitmatte.cli import main, progress
progress.PATIENCE = 0
sys.exit(main())
"""


def said(folder, checkpoint, *options):
    """What a command says on a terminal, and what on a pipe."""
    Image.fromarray(PHOTO).save(folder / "photo.png")
    Image.fromarray(TRIMAP).save(folder / "trimap.png")
    command = ["matte", "photo.png", "trimap.png", "-o", "alpha.png", "--force", "--model", checkpoint, *options]
    run = {"args": [sys.executable, "-c", AT_ONCE, *map(str, command)], "cwd": folder, "env": child_environment()}
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (30, 90))
    process = subprocess.Popen(**run, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    terminal = b""
    try:
        while more := os.read(ours, 4096):
            terminal += more
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(ours)
    assert process.wait(300) == 0
    return terminal.decode(), subprocess.run(**run, capture_output=True, text=True, timeout=300).stderr


def test_a_terminal_shows_how_long_it_takes(tmp_path, lively_checkpoint):
    terminal, pipe = said(tmp_path, lively_checkpoint)
    assert "left" in terminal
    assert "%|" in terminal
    assert "trimap: values 0 to 255" in terminal
    assert "left" not in pipe
    assert "%|" not in pipe


def test_quiet_shows_nothing(tmp_path, lively_checkpoint):
    terminal, pipe = said(tmp_path, lively_checkpoint, "--quiet")
    assert (terminal, pipe) == ("", "")
