"""Whose outputs a folder holds: one's own go on, others' are left alone unless forced."""

import dataclasses
import os
import shutil

import pytest

from numpy_vitmatte.batch.job import FolderOptions, Job
from numpy_vitmatte.batch.output_folder import RECORD_FILE, claim, is_finished
from numpy_vitmatte.errors import VitMatteError


@pytest.fixture
def job(tmp_path, lively_checkpoint):
    """A job whose files are there, a minute old, and whose output is not."""
    shutil.copytree(lively_checkpoint, tmp_path / "model")
    for name in ("photo.png", "trimap.png"):
        (tmp_path / name).touch()
        move(tmp_path / name, -60)
    options = FolderOptions(str(tmp_path / "model"))
    return Job("cat", tmp_path / "photo.png", tmp_path / "trimap.png", tmp_path / "out" / "cat.png", options)


def move(path, seconds):
    """Change a file's time of modification."""
    time = path.stat().st_mtime_ns + int(seconds * 1e9)
    os.utime(path, ns=(time, time))


def claim_for(job, options=None, force=False):
    claim(job.output.parent, [job], options or job.options, force)


def test_own_outputs_are_finished(job):
    claim_for(job)
    assert not is_finished(job)
    job.output.touch()
    assert is_finished(job)
    claim_for(job)
    assert is_finished(job)


@pytest.mark.parametrize("source", ["photo", "trimap"])
def test_a_newer_photo_or_trimap_is_done_again(job, source):
    claim_for(job)
    job.output.touch()
    move(getattr(job, source), 120)
    assert not is_finished(job)


def test_force_makes_everything_anew_even_after_a_kill(job):
    claim_for(job)
    job.output.touch()
    move(job.output, -10)
    move(job.output.with_name(RECORD_FILE), -20)
    assert is_finished(job)
    other = dataclasses.replace(job.options, bits=16)
    claim_for(job, other, force=True)
    assert not is_finished(job)
    claim_for(job, other)  # resumed without --force
    assert not is_finished(job)
    job.output.touch()
    assert is_finished(job)


def test_files_that_no_batch_made_are_left_alone(job):
    job.output.parent.mkdir()
    job.output.touch()
    with pytest.raises(VitMatteError, match=r"already holds 1 of the files to be written \(cat.png, ...\), and no"):
        claim_for(job)
    assert not job.output.with_name(RECORD_FILE).exists()
    move(job.output, -10)
    claim_for(job, force=True)
    assert not is_finished(job)


def test_other_options_or_another_model_are_refused(job, tmp_path):
    claim_for(job)
    with pytest.raises(VitMatteError, match=r"made otherwise \(bits 8, now 16; raw false, now true\); choose another"):
        claim_for(job, dataclasses.replace(job.options, matting={"raw": True}, bits=16))
    shutil.copytree(tmp_path / "model", tmp_path / "moved")
    claim_for(job, dataclasses.replace(job.options, model=str(tmp_path / "moved")))  # the same files elsewhere
    weights = tmp_path / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    with pytest.raises(VitMatteError, match=r"\(model .*model\", now .*model\" with other files\)"):
        claim_for(job)
    with pytest.raises(VitMatteError, match=r"\(model .*model\", now \"vitmatte-tiny\"\)"):
        claim_for(job, dataclasses.replace(job.options, model="vitmatte-tiny"))


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"options": 3}'])
def test_a_record_that_is_none(job, content):
    claim_for(job)
    job.output.with_name(RECORD_FILE).write_text(content)
    with pytest.raises(VitMatteError, match=r"is no record of a batch \(.*\); choose another folder, or start again"):
        claim_for(job)
    claim_for(job, force=True)
    claim_for(job)


def test_folders_that_cannot_be_made(job, tmp_path):
    with pytest.raises(VitMatteError, match="its parent does not exist; create it first"):
        claim(tmp_path / "none" / "out", [], job.options, False)
    with pytest.raises(VitMatteError, match="is a file; expected a folder"):
        claim(job.photo, [], job.options, False)
