"""``numpy-vitmatte batch`` as a user meets it."""

import json
import os
import sys

import numpy as np
import pytest
from PIL import Image
from support import command_line
from support.folder_jobs import hidden, make_folders, outputs

from numpy_vitmatte.batch.output_folder import RECORD_FILE
from numpy_vitmatte.images.value_range import to_integers
from numpy_vitmatte.pipeline.estimate import estimate_memory
from numpy_vitmatte.pipeline.photo_to_alpha import matte
from numpy_vitmatte.runtime.precision import used_precision


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with three photos and their trimaps."""
    monkeypatch.chdir(tmp_path)
    make_folders(tmp_path, 3)
    return tmp_path


@pytest.fixture
def run(folder, lively_checkpoint, capsys):
    """Run the command: exit status, lines of stdout, lines of stderr (compilation aside)."""

    def run_batch(*options, photos="photos", trimaps="trimaps", output="alphas", model=lively_checkpoint):
        job = ("batch", photos, trimaps, "-o", output, "--model", model)
        status, out, err = command_line.run(capsys, *job, *options)
        return status, out.splitlines(), err

    return run_batch


def test_a_folder_and_then_nothing_left_to_do(folder, run):
    status, out, err = run("--threads", "2", "--workers", "2")
    assert status == 0
    assert sorted(out) == [str(folder / "alphas" / f"{index:02}.png") for index in range(3)]
    assert len(err) == 1
    assert err[0].startswith("numpy-vitmatte: 3 alphas in ")
    made = outputs(folder / "alphas")
    assert sorted(made) == ["00.png", "01.png", "02.png"]
    status, out, err = run()
    assert (status, out) == (0, [])
    assert err[0] == "numpy-vitmatte: 3 of 3 alphas are finished already"
    (folder / "alphas" / "01.png").unlink()
    assert run("--quiet") == (0, [str(folder / "alphas" / "01.png")], [])
    assert outputs(folder / "alphas") == made


def test_bad_files_are_passed_over_and_listed_at_the_end(folder, run):
    (folder / "photos" / "01.png").write_bytes(b"no picture")
    (folder / "photos" / "02.jpg").touch()
    (folder / "trimaps" / "lone.png").touch()
    (folder / "photos" / "notes.txt").touch()
    status, out, err = run("--verbose")
    assert (status, len(out)) == (1, 1)
    assert err[0] == "numpy-vitmatte: photos/notes.txt is skipped: its ending is not that of an image"
    assert err[-4:] == [
        "numpy-vitmatte: 3 of 4 have no alpha:",
        f"numpy-vitmatte:   01: photo {str(folder / 'photos/01.png')!r} is not an image, whatever its name says: it "
        "begins with b'no picture'",
        "numpy-vitmatte:   02: 2 photos of one stem in 'photos' (02.jpg, 02.png); keep one",
        "numpy-vitmatte:   lone: no photo of that stem in 'photos' for the trimap 'lone.png'",
    ]
    assert sorted(outputs(folder / "alphas")) == ["00.png"]
    assert hidden(folder / "alphas") == set()
    Image.fromarray(np.zeros((40, 32, 3), np.uint8)).save(folder / "photos" / "01.png")
    (folder / "photos" / "02.jpg").unlink()
    (folder / "trimaps" / "lone.png").unlink()
    assert run("--quiet")[0] == 0
    assert len(outputs(folder / "alphas")) == 3


def test_json_lines(folder, run):
    Image.fromarray(np.full((40, 32), 128, np.uint8)).save(folder / "trimaps" / "00.png")
    (folder / "photos" / "01.png").write_bytes(b"no picture")
    (folder / "trimaps" / "02.png").unlink()
    status, out, _ = run("--json")
    assert status == 1
    start, unpaired, done, failed, end = map(json.loads, out)
    assert start == {"event": "start", "photos": 2, "finished_before": 0}
    assert (unpaired["stem"], unpaired["status"]) == ("02", "failed")
    assert (done["stem"], done["status"], done["error"]) == ("00", "done", None)
    assert done["output"] == str(folder / "alphas" / "00.png")
    assert "the trimap marks no foreground" in done["warnings"][0]
    assert (failed["stem"], failed["status"], failed["output"]) == ("01", "failed", None)
    assert "is not an image" in failed["error"]
    assert (end["event"], end["done"], end["finished_before"], end["failed"]) == ("end", 1, 0, 2)


def test_other_options_need_force(folder, run):
    assert run()[0] == 0
    status, out, err = run("--bits", "16")
    assert (status, out) == (2, [])
    assert "holds alphas made otherwise (bits 8, now 16); choose another folder, or start again" in err[0]
    status, out, _ = run("--bits", "16", "--force")
    assert (status, len(out)) == (0, 3)
    with Image.open(folder / "alphas" / "00.png") as alpha:
        assert alpha.mode.startswith("I")


@pytest.mark.parametrize(
    ("options", "changes", "message"),
    [
        (["--workers", "0"], {}, "--workers is 0; give a whole number, 1 or more"),
        (["--workers", "2", "--scheduler", "tcp://x:1"], {}, "leave one of them out"),
        (["--threads", "0"], {}, "the number of threads is 0"),
        (["--bits", "12"], {}, "invalid choice: 12"),
        ([], {"photos": "none"}, "photo folder 'none': no such folder"),
        ([], {"trimaps": "photos"}, "photo folder and trimap folder are the same"),
        ([], {"output": "photos"}, "output folder 'photos' is an input folder as well"),
        ([], {"output": "none/alphas"}, "its parent does not exist"),
        ([], {"output": "photos/00.png"}, "is a file; expected a folder"),
        ([], {"model": "none"}, "neither a bundled checkpoint"),
        ([], {"trimaps": "empty"}, "not one stem is in each of 'photos' and 'empty'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_usage(folder, run, options, changes, message):
    (folder / "empty").mkdir()
    before = sorted(folder.rglob("*"))
    status, out, err = run(*options, **changes)
    assert (status, out, len(err)) == (2, [], 1)
    assert message in err[0]
    assert sorted(folder.rglob("*")) == before


def test_the_record_names_model_and_options(folder, run, lively_checkpoint):
    run()
    record = json.loads((folder / "alphas" / RECORD_FILE).read_text())
    assert record["options"] == {
        "model": str(lively_checkpoint), "bits": 8, "raw": False, "profile": "hf", "max_side": None,
        "masks": False, "erode": None, "dilate": None, "depth": None, "upscale": None,
        "precision": "highest",
    }  # fmt: skip


def test_records_of_before_an_option_count_as_its_default(folder, run):
    run()
    path = folder / "alphas" / RECORD_FILE
    record = json.loads(path.read_text())
    del record["options"]["profile"], record["options"]["max_side"]
    written = path.stat()
    path.write_text(json.dumps(record))
    os.utime(path, ns=(written.st_atime_ns, written.st_mtime_ns))
    assert run()[:2] == (0, [])
    status, _, err = run("--profile", "hustvl", "--max-side", "32")
    assert status == 2
    assert 'made otherwise (profile "hf", now "hustvl"; max_side null, now 32)' in err[0]


def test_profile_and_smaller_size_reach_the_workers(folder, run, lively_checkpoint):
    """The alphas are those of the same options in one process."""
    assert run("--profile", "hustvl", "--max-side", "32", "--raw", "--bits", "16", "--workers", "2")[0] == 0
    options = {"profile": "hustvl", "max_side": 32, "raw": True}
    for name in ("00.png", "02.png"):
        alpha = matte(folder / "photos" / name, folder / "trimaps" / name, lively_checkpoint, **options)
        with Image.open(folder / "alphas" / name) as made:
            np.testing.assert_array_equal(np.asarray(made), to_integers(alpha, 16))
        with Image.open(folder / "photos" / name) as photo:
            assert max(photo.size) > 32


def test_precision_reaches_the_workers(folder, run, lively_checkpoint):
    """The alphas are those of one process, and the record names the precision that this processor computes in."""
    assert run("--precision", "medium", "--bits", "16", "--workers", "2")[0] == 0
    record = json.loads((folder / "alphas" / RECORD_FILE).read_text())
    assert record["options"]["precision"] == used_precision("medium")
    paths = [folder / kind / "02.png" for kind in ("photos", "trimaps")]
    with Image.open(folder / "alphas" / "02.png") as made:
        np.testing.assert_array_equal(
            np.asarray(made), to_integers(matte(*paths, lively_checkpoint, precision="medium"), 16)
        )


def test_pixel_limit_reaches_the_workers(folder, run):
    status, out, err = run("--max-pixels", "1000")
    assert (status, out) == (1, [])
    assert "is refused: it would unpack to 1280 of at most 1000 pixels" in err[-1]
    assert run("--max-pixels", "0")[0] == 0


def test_a_budget_is_shared_by_the_command_and_its_workers(folder, run, lively_checkpoint):
    """A photo that its worker's share does not carry fails alone; with a larger budget the same folder goes on."""
    least = estimate_memory(32, 32, lively_checkpoint)
    Image.fromarray(np.zeros((640, 640, 3), np.uint8)).save(folder / "photos" / "01.png")
    Image.fromarray(np.full((640, 640), 128, np.uint8)).save(folder / "trimaps" / "01.png")
    status, out, err = run("--workers", "2", "--max-memory", f"{3 * least + 10_000_000}", "--verbose")
    assert (status, len(out)) == (1, 2)
    share = (2 * least + 10_000_000) // 2 // 1_000_000
    assert f"numpy-vitmatte: memory: {share} MB for each of 2 workers" in err
    assert "01: a photo of 640 x 640 pixels takes" in err[-1]
    assert f"and {share + 1}MB are allowed" in err[-1]
    status, out, _ = run("--workers", "2", "--max-memory", "2GB", "--quiet")
    assert (status, out) == (0, [str(folder / "alphas" / "01.png")])


def test_scheduler_without_dask(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    status, out, err = run("--scheduler", "tcp://127.0.0.1:1")
    assert (status, out) == (2, [])
    assert err == [
        "numpy-vitmatte: error: --scheduler needs Dask; install it with: python -m pip install 'numpy-vitmatte[dask]'"
    ]
