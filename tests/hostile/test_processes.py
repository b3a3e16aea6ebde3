"""Signals, full disks and closed streams: a command ends with a line and the status shells expect, and leaves nothing.

Where a signal has to come in the midst of something, the command says when it is there and waits.
"""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.folder_jobs import hidden, make_folders, start_batch
from support.matting_job import PHOTO, TRIMAP
from support.processes import child_environment

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and devices of POSIX")

SIGNALS = [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated"), (signal.SIGHUP, "hung up")]

WAITS_WHILE_IT_WRITES = """
import os, sys, time
from numpy_vitmatte.cli import main
def wait(descriptor):
    print("here", flush=True)
    time.sleep(120)
os.fsync = wait
"""
WAITS_WHILE_IT_IMPORTS = """
import sys, time
module = sys.argv.pop(1)
class Waits:
    def find_spec(name, path=None, target=None):
        if name == module:
            print("here", flush=True)
            time.sleep(120)
sys.meta_path.insert(0, Waits)
from numpy_vitmatte.cli import main
"""
RUN = "\nsys.exit(main())\n"


@pytest.fixture
def folder(tmp_path, lively_checkpoint):
    Image.fromarray(PHOTO).save(tmp_path / "photo.png")
    Image.fromarray(TRIMAP).save(tmp_path / "trimap.png")
    return tmp_path


def started(folder, *arguments, **keywords):
    """A process in the folder, in a group of its own, as a terminal starts it."""
    keywords = {"text": True, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | keywords
    command = [sys.executable, *map(str, arguments)]
    return subprocess.Popen(command, cwd=folder, env=child_environment(), start_new_session=True, **keywords)


def matte_arguments(checkpoint):
    return ["matte", "photo.png", "trimap.png", "-o", "alpha.png", "--quiet", "--model", str(checkpoint)]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(("number", "word"), SIGNALS)
def test_ended_while_it_writes(folder, lively_checkpoint, number, word):
    before = names(folder)
    process = started(folder, "-c", WAITS_WHILE_IT_WRITES + RUN, *matte_arguments(lively_checkpoint))
    assert process.stdout.readline() == "here\n"
    assert names(folder) != before
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (128 + number, "", f"numpy-vitmatte: {word}\n")
    assert names(folder) == before


@pytest.mark.parametrize("module", ["numpy_vitmatte.cli.program", "numpy", "numba", "PIL.Image"])
def test_interrupted_while_it_imports(folder, lively_checkpoint, module):
    process = started(folder, "-c", WAITS_WHILE_IT_IMPORTS + RUN, module, *matte_arguments(lively_checkpoint))
    assert process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "numpy-vitmatte: interrupted\n")


def test_a_signal_that_is_ignored_stays_so(folder, lively_checkpoint):
    """As `nohup` wants it."""
    code = "import signal, sys\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + WAITS_WHILE_IT_WRITES + RUN
    process = started(folder, "-c", code, *matte_arguments(lively_checkpoint))
    assert process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    process.communicate()


@pytest.fixture
def in_each_worker(tmp_path, monkeypatch):
    """Have every worker process run some code before anything else."""

    def run(code):
        (tmp_path / "site").mkdir()
        (tmp_path / "site" / "sitecustomize.py").write_text(
            "import os, sys, time\nif '--multiprocessing-fork' in sys.orig_argv:\n" + textwrap.indent(code, "    ")
        )
        monkeypatch.syspath_prepend(tmp_path / "site")

    return run


WAITS_WITH_THE_LAST_PHOTO = """
replace = os.replace
def wait(source, destination):
    if os.path.basename(destination) == "03.png":
        time.sleep(120)
    replace(source, destination)
os.replace = wait
"""


@pytest.mark.parametrize(("number", "word"), SIGNALS)
def test_batch_ended_in_its_midst(tmp_path, lively_checkpoint, in_each_worker, number, word):
    """A terminal's signal reaches the workers as well."""
    in_each_worker(WAITS_WITH_THE_LAST_PHOTO)
    make_folders(tmp_path, 4)
    process = start_batch(tmp_path, "--model", lively_checkpoint, "--workers", 2, "--quiet", start_new_session=True)
    assert process.stdout.readline()
    os.killpg(process.pid, number)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (128 + number, f"numpy-vitmatte: {word}\n")
    assert "03.png" not in names(tmp_path / "alphas")
    assert hidden(tmp_path / "alphas") == set()


def test_batch_interrupted_while_its_workers_start(tmp_path, lively_checkpoint, in_each_worker):
    in_each_worker(f"open({str(tmp_path / 'here')!r}, 'w').close()\ntime.sleep(120)\n")
    make_folders(tmp_path, 2, size=(40, 40))
    process = start_batch(tmp_path, "--model", lively_checkpoint, "--quiet", start_new_session=True)
    while not (tmp_path / "here").exists():
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "numpy-vitmatte: interrupted\n")


# Standard streams and the working directory ---------------------------------------------------------------------------

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["matte", "--help"], None])
def test_standard_output_on_a_full_disk(folder, lively_checkpoint, arguments):
    arguments = arguments or matte_arguments(lively_checkpoint)
    with FULL.open("w") as full:
        process = started(folder, "-m", "numpy_vitmatte", *arguments, stdout=full)
        _, err = process.communicate(timeout=300)
    said = "No space left on device, while the command read its input or wrote to standard output"
    assert (process.returncode, err) == (1, f"numpy-vitmatte: error: {said}\n")


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
def test_an_image_to_standard_output_on_a_full_disk(folder, lively_checkpoint):
    command = ["matte", "photo.png", "trimap.png", "-o", "-", "--quiet", "--model", lively_checkpoint]
    with FULL.open("w") as full:
        process = started(folder, "-m", "numpy_vitmatte", *command, stdout=full)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "No space left on device" in err
    assert err.count("\n") == 1


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize(
    ("arguments", "status"),
    [(["matte", "missing.png", "trimap.png", "-o", "alpha.png"], 2), (["matte", "--sideways"], 2), (["--help"], 1)],
    ids=["error", "usage", "help"],
)
def test_both_streams_on_a_full_disk(folder, monkeypatch, arguments, status, unbuffered):
    """Python keeps what it could not write, and tries once more at its exit, with a status of its own."""
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with FULL.open("w") as full:
        assert started(folder, "-m", "numpy_vitmatte", *arguments, stdout=full, stderr=full).wait(300) == status


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
def test_messages_that_cannot_be_written_fail_no_command(folder, lively_checkpoint, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", "")
    with FULL.open("w") as full:
        command = [argument for argument in matte_arguments(lively_checkpoint) if argument != "--quiet"]
        run = started(folder, "-m", "numpy_vitmatte", *command, "--verbose", stdout=subprocess.DEVNULL, stderr=full)
        assert run.wait(300) == 0
    assert (folder / "alpha.png").exists()


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams(folder, lively_checkpoint, closed):
    run = ["sh", "-c", f'"$@" {closed}', "sh", sys.executable, "-m", "numpy_vitmatte"]
    done = subprocess.run(
        [*run, *map(str, matte_arguments(lively_checkpoint))],
        cwd=folder, env=child_environment(), capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    with Image.open(folder / "alpha.png") as alpha:
        assert alpha.size == PHOTO.shape[1::-1]


def test_a_working_directory_that_is_gone(folder, lively_checkpoint):
    run = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"'
    arguments = [str(folder / name) if name.endswith(".png") else name for name in matte_arguments(lively_checkpoint)]
    relative = ["matte", "photo.png", "trimap.png", "-o", "alpha.png"]
    ends = []
    for given in (arguments, relative):
        command = ["sh", "-c", run, "sh", sys.executable, "-m", "numpy_vitmatte", *map(str, given)]
        done = subprocess.run(command, cwd=folder, env=child_environment(), capture_output=True, text=True, timeout=300)
        assert done.stderr.count("\n") <= 1
        assert "Traceback" not in done.stderr
        ends.append((done.returncode, done.stderr))
    assert ends[0][0] in (0, 1)
    assert ends[0][0] == 0 or "the working directory has been deleted; change to another one" in ends[0][1]
    assert ends[1][0] in (1, 2)


@pytest.mark.parametrize("option", ["--max-memory", "--max-pixels", "--max-side", "--threads"])
@pytest.mark.parametrize("digits", [400, 5000])
def test_numbers_of_many_digits(folder, lively_checkpoint, option, digits):
    """An error of one line, or no limit at all."""
    process = started(folder, "-m", "numpy_vitmatte", *matte_arguments(lively_checkpoint), option, "9" * digits)
    _, err = process.communicate(timeout=300)
    assert process.returncode in (0, 2)
    assert err.count("\n") == (process.returncode == 2)
    assert "Traceback" not in err
    assert (folder / "alpha.png").exists() == (process.returncode == 0)


# Names that are no UTF-8 ----------------------------------------------------------------------------------------------

BYTES = b"caf\xe9"


@pytest.mark.skipif(sys.platform != "linux", reason="file systems elsewhere refuse such names")
@pytest.mark.parametrize("json", [False, True])
def test_a_batch_with_a_name_that_is_no_utf8(tmp_path, lively_checkpoint, json):
    make_folders(tmp_path, 2, size=(40, 40))
    for folder in ("photos", "trimaps"):
        path = sorted((tmp_path / folder).iterdir())[0]
        os.rename(path, os.fsencode(path.parent) + b"/" + BYTES + os.fsencode(path.suffix))
    process = start_batch(tmp_path, "--model", lively_checkpoint, *["--json"] * json, text=False)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    written = os.listdir(os.fsencode(tmp_path / "alphas"))
    assert BYTES + b".png" in written
    assert len([name for name in written if name.endswith(b".png")]) == 2
    assert (b"caf\\udce9.png" if json else BYTES + b".png\n") in out


@pytest.mark.skipif(sys.platform != "linux", reason="file systems elsewhere refuse such names")
def test_scores_of_a_name_that_is_no_utf8(tmp_path):
    for folder in ("alphas", "truths"):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(tmp_path / "alpha.png")
        (tmp_path / "alpha.png").rename(os.fsdecode(os.fsencode(tmp_path / folder) + b"/" + BYTES + b".png"))
    command = ["evaluate", "alphas", "truths", "--csv", "errors.csv", "--json", "errors.json"]
    process = started(tmp_path, "-m", "numpy_vitmatte", *command, text=False)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert BYTES in out
    assert (tmp_path / "errors.csv").read_bytes().splitlines()[1].startswith(BYTES + b",")
    assert b'"caf\\udce9"' in (tmp_path / "errors.json").read_bytes()
