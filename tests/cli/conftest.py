"""What the commands are run on."""

import shutil

import pytest
from PIL import Image
from support.matting_job import PHOTO, TRIMAP


@pytest.fixture
def folder(tmp_path, monkeypatch, lively_checkpoint):
    """A working directory with a photo, its trimap and a checkpoint."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(PHOTO).save("photo.png")
    Image.fromarray(TRIMAP).save("trimap.png")
    shutil.copytree(lively_checkpoint, "checkpoint")
    return tmp_path
