"""The command line as a user meets it: what it writes and prints, and one line for everything that goes wrong."""

import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.command_line import assert_refused, files, pixels, run
from support.matting_job import KNOWN, PHOTO, TRIMAP

import numpy_vitmatte
from numpy_vitmatte import pipeline
from numpy_vitmatte.cli import demo
from numpy_vitmatte.cli import matte as matte_command
from numpy_vitmatte.cli.program import COMMANDS
from numpy_vitmatte.images.photo_reading import read_photo
from numpy_vitmatte.runtime.threads import get_num_threads
from numpy_vitmatte.trimaps.reading import read_trimap


def run_matte(capsys, *arguments, photo="photo.png", trimap="trimap.png", output="alpha.png", model="checkpoint"):
    return run(capsys, "matte", photo, trimap, "-o", output, "--model", model, *arguments)


# What it does -------------------------------------------------------------------------------------------------------


def test_matte_writes_the_alpha_and_prints_its_path(folder, capsys):
    status, out, err = run_matte(capsys)
    assert (status, out) == (0, "alpha.png\n")
    assert err == ["numpy-vitmatte: trimap: values 0 to 255; 28.2% foreground, 28.2% background, 43.7% unknown"]
    written = pixels("alpha.png")
    assert (written.shape, written.dtype) == (PHOTO.shape[:2], np.uint8)
    np.testing.assert_array_equal(written[KNOWN], TRIMAP[KNOWN])
    alpha = pipeline.matte(PHOTO, TRIMAP, "checkpoint")
    assert np.abs(written / 255 - alpha).max() <= 0.5 / 255 + 1e-7


def test_sixteen_bits_npy_and_raw(folder, capsys):
    assert run_matte(capsys, "--bits", 16)[0] == 0
    assert run_matte(capsys, output="alpha.npy")[0] == 0
    assert run_matte(capsys, "--raw", output="raw.npy")[0] == 0
    alpha, raw = np.load("alpha.npy"), np.load("raw.npy")
    assert np.abs(pixels("alpha.png") / 65535 - alpha).max() <= 0.5 / 65535 + 1e-7
    np.testing.assert_array_equal(alpha[~KNOWN], raw[~KNOWN])
    assert (raw[KNOWN] != alpha[KNOWN]).all()


def test_existing_output_is_kept_without_force(folder, capsys):
    (folder / "alpha.png").write_bytes(b"precious")
    status, out, err = run_matte(capsys)
    assert (status, out) == (2, "")
    assert err == [
        "numpy-vitmatte: error: output 'alpha.png' exists already; choose another name, or overwrite it with --force"
    ]
    assert (folder / "alpha.png").read_bytes() == b"precious"
    assert run_matte(capsys, "--force")[0] == 0
    assert pixels("alpha.png").shape == (50, 71)


def test_threads_are_set_and_do_not_change_the_result(folder, capsys):
    for threads in (1, 3):
        assert run_matte(capsys, "--threads", threads, output=f"{threads}.npy")[0] == 0
        assert get_num_threads() == threads
    assert (folder / "1.npy").read_bytes() == (folder / "3.npy").read_bytes()


def test_quiet_says_nothing_and_verbose_more(folder, capsys):
    Image.fromarray(np.where(KNOWN, TRIMAP, 60)).save("soft.png")
    _, _, normal = run_matte(capsys, trimap="soft.png", output="1.png")
    assert run_matte(capsys, "--quiet", trimap="soft.png", output="2.png") == (0, "2.png\n", [])
    _, _, verbose = run_matte(capsys, "--verbose", trimap="soft.png", output="3.png")
    assert normal[1:] == [
        "numpy-vitmatte: trimap: 0 pixels near 0, 128 or 255 were moved there, 1550 in between became unknown",
        "numpy-vitmatte: warning: 44% of the trimap lies between black, gray and white and counts as unknown: is it a "
        "soft mask or a photo?",
    ]
    assert "photo: 71 x 50 pixels" in "".join(verbose)
    assert run_matte(capsys, "--quiet", "--verbose", output="4.png")[0] == 2


def test_python_warnings_become_one_line(folder, capsys, monkeypatch):
    def warn(arguments):
        warnings.warn("the trimap\nhas a stain", stacklevel=1)

    monkeypatch.setattr(matte_command, "set_threads", warn)
    status, _, err = run_matte(capsys)
    assert status == 0
    assert "numpy-vitmatte: warning: the trimap has a stain" in err


def test_max_side_and_max_pixels(folder, capsys):
    assert run_matte(capsys, output="full.npy")[0] == 0
    status, _, err = run_matte(capsys, "--max-side", 32, "--max-pixels", 3550, output="small.npy")
    assert status == 0
    assert "numpy-vitmatte: alpha: computed at 32 x 23 pixels and upsampled, an approximation" in err
    full, small = np.load("full.npy"), np.load("small.npy")
    np.testing.assert_array_equal(full[KNOWN], small[KNOWN])
    assert (full[~KNOWN] != small[~KNOWN]).any()
    assert Image.MAX_IMAGE_PIXELS == 89_478_485  # Pillow's own again


def test_demo_writes_three_pictures(folder, capsys, monkeypatch):
    monkeypatch.setattr(demo, "DEMO_FOLDER", folder)
    monkeypatch.setattr(demo, "BUNDLED", {"lemur": ("photo.png", "trimap.png")})
    status, out, _ = run(capsys, "demo", "-o", "made/here", "--model", "checkpoint")
    assert status == 0
    assert out.split() == [os.path.join("made/here", name) for name in ("alpha.png", "cutout.png", "side-by-side.png")]
    alpha, cutout, comparison = (pixels(path) for path in out.split())
    np.testing.assert_array_equal(cutout[..., :3], PHOTO * (alpha > 0)[..., None])
    np.testing.assert_array_equal(cutout[..., 3], alpha)
    assert comparison.shape == (50, 4 * 71 + 3 * 8, 3)


def test_the_demo_can_be_run_twice_but_overwrites_nobody_elses_files(folder, capsys, monkeypatch):
    monkeypatch.setattr(demo, "DEMO_FOLDER", folder)
    monkeypatch.setattr(demo, "BUNDLED", {"lemur": ("photo.png", "trimap.png")})
    job = ("demo", "-o", "made/here", "--model", "checkpoint")
    assert run(capsys, *job)[0] == run(capsys, *job)[0] == 0
    shutil.copy("photo.png", "made/here/cutout.png")
    precious = (folder / "made/here/cutout.png").read_bytes()
    again = run(capsys, *job)
    assert again[0] == 2
    assert "cutout.png' exists already" in again[2][0]
    assert (folder / "made/here/cutout.png").read_bytes() == precious
    assert run(capsys, *job, "--force")[0] == 0


@pytest.mark.parametrize("name", demo.BUNDLED)
def test_bundled_photos_have_fitting_trimaps(name):
    photo, trimap = demo.bundled_photo(name)
    levels, report = read_trimap(trimap)
    assert read_photo(photo).shape == (*levels.shape, 3)
    assert (report.snapped, report.between, report.warnings) == (0, 0, ())


def test_demo_with_the_bundled_weights(tmp_path, capsys):
    """The README's first command. How good the alpha is, the tests of the weights say."""
    status, _, _ = run(capsys, "demo", "-o", tmp_path / "demo-output")
    assert status == 0
    _, trimap_path = demo.bundled_photo("lemur")
    trimap, _ = read_trimap(trimap_path)
    alpha = pixels(tmp_path / "demo-output" / "alpha.png")
    np.testing.assert_array_equal(alpha[trimap != 128], trimap[trimap != 128])
    assert alpha[trimap == 128].std() > 10


# What goes wrong; bad input is in test_bad_inputs.py ------------------------------------------------------------------


def test_full_disk(folder, capsys, monkeypatch):
    def disk_is_full(descriptor):
        raise OSError(28, "No space left on device")

    assert run_matte(capsys, output="warm.png")[0] == 0  # kernels are compiled, and say so, before the disk fills
    monkeypatch.setattr(os, "fsync", disk_is_full)
    before = files(folder)
    assert_refused(run_matte(capsys), "'alpha.png' cannot be written: No space left on device")
    assert files(folder) == before


def test_folder_that_may_not_be_written(folder, capsys, monkeypatch):
    open_ = os.open

    def refuse(path, flags, *arguments, **keywords):
        if flags & os.O_CREAT:
            raise PermissionError(13, "Permission denied")
        return open_(path, flags, *arguments, **keywords)

    assert run_matte(capsys, output="warm.png")[0] == 0
    monkeypatch.setattr(os, "open", refuse)
    before = files(folder)
    assert_refused(run_matte(capsys), "'alpha.png' cannot be written: Permission denied")
    assert files(folder) == before


@pytest.mark.parametrize(
    ("trouble", "status", "message"),
    [
        (KeyboardInterrupt(), 130, "numpy-vitmatte: interrupted"),
        (MemoryError(), 2, "numpy-vitmatte: error: not enough memory for a photo of this size; try --max-side 2048"),
    ],
)
def test_interruption_and_memory(folder, capsys, monkeypatch, trouble, status, message):
    def stop(*arguments, **keywords):
        raise trouble

    monkeypatch.setattr(matte_command, "compute", stop)
    before = files(folder)
    assert run_matte(capsys) == (status, "", [message])
    assert files(folder) == before


# As a program -------------------------------------------------------------------------------------------------------


def test_help_has_an_example(capsys):
    status, out, err = run(capsys, "--help")
    assert (status, err) == (0, [])
    assert "examples:\n  numpy-vitmatte demo" in out


def python(*arguments, **keywords):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, text=True, check=False, stderr=subprocess.PIPE, **keywords
    )


def test_every_command_has_a_module():
    modules = {path.stem for path in Path(demo.__file__).parent.glob("*.py") if "def add_options(" in path.read_text()}
    assert modules == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_an_example_verbosity_and_a_version(capsys, command):
    assert run(capsys, command, "--version") == (0, f"numpy-vitmatte {numpy_vitmatte.__version__}\n", [])
    status, said, err = run(capsys, command, "--help")
    assert (status, err) == (0, [])
    assert f":\n  numpy-vitmatte {command}" in said
    assert "--quiet" in said
    assert "--verbose" in said


@pytest.mark.parametrize("arguments", ["--help", "--version"])
def test_help_imports_no_more_than_it_prints(arguments):
    """What takes the time of every other command is not loaded for it, counted, not timed."""
    code = """if True:
        import sys
        from numpy_vitmatte.cli import main
        try:
            main(sys.argv[1:])
        except SystemExit:
            print(*(name for name in ("numpy", "numba", "PIL", "safetensors", "tqdm") if name in sys.modules))
    """
    done = python("-c", code, arguments, stdout=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(("usage: numpy-vitmatte", "numpy-vitmatte "))
    assert done.stdout.endswith("\n\n")


def test_the_service_costs_the_other_commands_nothing(folder):
    """Neither its modules nor those of its extra are loaded, for matting or for its own help."""
    code = """if True:
        import sys
        from numpy_vitmatte.cli import main
        main("matte photo.png trimap.png -o alpha.png --model checkpoint --quiet".split())
        try:
            main(["serve", "--help"])
        except SystemExit:
            print()
        print(*sys.modules)
    """
    done = python("-c", code, stdout=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, "")
    loaded = done.stdout.splitlines()[-1].split()
    assert "numpy_vitmatte.pipeline.job" in loaded
    assert not [name for name in loaded if name.startswith("numpy_vitmatte.serve")]
    extra = {"fastapi", "fastapi_offline", "starlette", "pydantic", "uvicorn", "h11", "python_multipart"}
    assert not {name.partition(".")[0] for name in loaded} & (extra | {"prometheus_client"})


def test_version_as_a_module():
    done = python("-m", "numpy_vitmatte", "--version", stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout) == (0, f"numpy-vitmatte {numpy_vitmatte.__version__}\n")


def test_reader_that_has_gone_is_no_traceback(folder):
    reading, writing = os.pipe()
    os.close(reading)
    command = ["-m", "numpy_vitmatte", "matte", "photo.png", "trimap.png", "-o", "alpha.png", "--model", "checkpoint"]
    done = python(*command, "--quiet", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")
    assert pixels("alpha.png").shape == (50, 71)


def test_a_frozen_application_becomes_its_own_worker(monkeypatch, capsys):
    """Python's ``multiprocessing`` starts it with arguments of its own, which are no command."""
    called = []
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr("multiprocessing.freeze_support", lambda: called.append(1))
    assert numpy_vitmatte.cli.main(["evaluate", "nowhere", "nothing"]) == 2
    assert called == [1]
