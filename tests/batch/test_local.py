"""Worker processes: fair shares of the threads, and a worker that dies takes one photo along."""

import multiprocessing
import os
import threading
import warnings

import numpy as np
import pytest
from PIL import Image
from support.folder_jobs import make_folders

from numpy_vitmatte.batch.job import FolderOptions, run_job
from numpy_vitmatte.batch.local import _with_all_warnings, run_locally, thread_shares
from numpy_vitmatte.batch.plan import plan_folder
from numpy_vitmatte.pipeline.photo_to_alpha import matte


@pytest.fixture
def jobs(tmp_path, lively_checkpoint):
    make_folders(tmp_path, 3)
    (tmp_path / "alphas").mkdir()
    options = FolderOptions(str(lively_checkpoint))
    return plan_folder(tmp_path / "photos", tmp_path / "trimaps", tmp_path / "alphas", options).jobs


@pytest.mark.parametrize(
    ("threads", "workers", "shares"), [(8, 1, [8]), (8, 3, [3, 3, 2]), (2, 2, [1, 1]), (1, 3, [1, 1, 1])]
)
def test_threads_are_divided_fairly(threads, workers, shares):
    assert thread_shares(threads, workers) == shares


def test_outputs_are_the_alphas(jobs):
    outcomes = list(run_locally(jobs, workers=2, threads=2))
    assert {outcome.job for outcome in outcomes} == set(jobs)
    for outcome in outcomes:
        assert (outcome.error, outcome.warnings) == (None, ())
        assert outcome.seconds > 0
        alpha = matte(outcome.job.photo, outcome.job.trimap, outcome.job.options.model)
        with Image.open(outcome.job.output) as written:
            np.testing.assert_array_equal(written, np.rint(alpha * np.float64(255)))
    assert multiprocessing.active_children() == []


@pytest.mark.skipif(os.name != "posix", reason="named pipes and signals are POSIX's")
def test_a_killed_worker_costs_one_photo(jobs):
    jobs[0].photo.unlink()
    os.mkfifo(jobs[0].photo)  # whoever reads it waits

    def kill_the_reader():
        writer = os.open(jobs[0].photo, os.O_WRONLY)  # returns when the worker has opened it
        multiprocessing.active_children()[0].kill()
        os.close(writer)

    thread = threading.Thread(target=kill_the_reader)
    thread.start()
    first, *others = run_locally(jobs, workers=1, threads=1)
    thread.join()
    assert first.job == jobs[0]
    assert first.error == (
        "the process that worked on it was killed by signal 9, as systems do that run out of memory; try it again with "
        "--workers 1, or scale the photo down"
    )
    assert [outcome.error for outcome in others] == [None, None]
    assert sorted(path.name for path in jobs[0].output.parent.iterdir()) == ["01.png", "02.png"]


def test_workers_end_when_the_caller_stops(jobs):
    outcomes = run_locally(jobs, workers=1, threads=1)
    next(outcomes)
    assert len(multiprocessing.active_children()) == 1
    outcomes.close()
    assert multiprocessing.active_children() == []


def test_no_jobs_need_no_workers():
    assert list(run_locally([], workers=2, threads=2)) == []


def test_warnings_of_photos_and_of_other_libraries_are_reported(jobs, monkeypatch):
    """A job that runs among others' threads leaves Python's filters alone; a worker process is its own."""
    Image.fromarray(np.uint16([[0, 4000]]).repeat(40, axis=0).repeat(20, axis=1)).save(jobs[0].photo, "PNG")
    Image.fromarray(np.uint8([[0, 128]]).repeat(40, axis=0).repeat(20, axis=1)).save(jobs[0].trimap, "PNG")
    with monkeypatch.context() as without:
        without.setattr(warnings, "catch_warnings", None)
        own = run_job(jobs[0]).warnings
    assert [word in " ".join(own) for word in ("taken for 12 bits", "no foreground")] == [True, True]
    monkeypatch.setattr("numpy_vitmatte.batch.job.save_alpha", lambda *_: warnings.warn("another's", stacklevel=1))
    assert _with_all_warnings(jobs[0]).warnings == (*own, "another's")


def test_whatever_goes_wrong_is_in_the_outcome(jobs, monkeypatch):
    jobs[0].trimap.write_bytes(b"no picture")
    outcome = run_job(jobs[0])
    assert "is not an image, whatever its name says" in outcome.error
    for trouble, message in [
        (MemoryError(), "not enough memory for a photo of this size; scale it down, or give --max-side 2048"),
        (KeyError("a\nb"), "unexpected KeyError: 'a\\nb'; please report it"),
    ]:

        def fail(*arguments, trouble=trouble, **keywords):
            raise trouble

        monkeypatch.setattr("numpy_vitmatte.batch.job.matte_with_report", fail)
        assert run_job(jobs[1]).error == message
    assert list(jobs[0].output.parent.iterdir()) == []
