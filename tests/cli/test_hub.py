"""``numpy-vitmatte download`` and ``verify``: what they print, and their exit status."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.command_line import assert_refused, run
from support.fake_hub import git_sha1, sha256
from support.hub_cache import lay_out
from support.matting_job import PHOTO, TRIMAP

from numpy_vitmatte import VitMatteForImageMatting, VitMatteImageProcessor
from numpy_vitmatte.hub.published import PUBLISHED, PublishedCheckpoint

NAME = "tester/lively"
WEIGHTS = "model.safetensors"


@pytest.fixture
def folder(hub_environment, tmp_path, monkeypatch):
    """A working directory with a photo and a trimap, and an empty cache."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(PHOTO).save("photo.png")
    Image.fromarray(TRIMAP).save("trimap.png")
    return tmp_path


@pytest.fixture
def served(hub, folder, lively_files):
    """That directory, and a hub with a checkpoint."""
    hub.add(NAME, lively_files)
    return folder


@pytest.fixture
def snapshot(folder, lively_files):
    """The checkpoint in the cache."""
    return lay_out(folder / "hf-home/hub/models--tester--lively", lively_files)


def snapshot_of(out):
    return Path(out.rstrip("\n"))


# download -----------------------------------------------------------------------------------------------------------


@pytest.mark.extras
def test_download(served, hub, capsys, lively_files):
    status, out, err = run(capsys, "download", NAME)
    assert status == 0
    assert {path.name: path.read_bytes() for path in snapshot_of(out).iterdir()} == lively_files
    assert [line.split(" (")[0] for line in err] == [
        f"numpy-vitmatte: downloading {NAME}",
        f"numpy-vitmatte: terms: the terms of these weights, and of the data they were trained on, are on their page: "
        f"{hub.address}/{NAME}",
    ]
    assert run(capsys, "download", NAME) == (0, out, [])
    assert len(hub.bodies()) == 1


@pytest.mark.extras
def test_quiet_download(served, capsys):
    status, _, err = run(capsys, "download", NAME, "--quiet")
    assert (status, err) == (0, [])


@pytest.mark.extras
def test_download_of_a_revision_and_matte_by_name(served, hub, capsys, lively_files):
    commit = hub.add(NAME, lively_files, revision="refs/pr/3")
    status, out, _ = run(capsys, "download", NAME, "--revision", "refs/pr/3")
    assert (status, snapshot_of(out).name) == (0, commit)
    assert run(capsys, "matte", "photo.png", "trimap.png", "-o", "alpha.png", "--model", NAME)[:2] == (0, "alpha.png\n")


@pytest.mark.extras
def test_download_repairs(served, capsys, lively_files):
    weights = snapshot_of(run(capsys, "download", NAME)[1]) / WEIGHTS
    weights.write_bytes(b"rot")
    status, _, err = run(capsys, "download", NAME)
    assert status == 0
    assert f"numpy-vitmatte: {WEIGHTS} is damaged and is fetched again" in err
    assert weights.read_bytes() == lively_files[WEIGHTS]


@pytest.mark.parametrize("command", ["download", "verify"])
@pytest.mark.parametrize("name", ["vitmatte-tiny", "./folder", "a/b/c", ""])
def test_no_name(folder, capsys, command, name):
    expected = f"{name!r} cannot be a name on the Hugging Face hub; expected owner/name, such as hustvl/vitmatte-small"
    assert_refused(run(capsys, command, name), expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["download"], "the following arguments are required: NAME"),
        (["download", NAME, "--revision", "../main"], "revision '../main' is none"),
        (["verify"], "the following arguments are required: NAME"),
        (["verify", NAME, "--revision", "../main"], "revision '../main' is none"),
        (["verify", NAME], f"run 'numpy-vitmatte download {NAME}' first"),
        (["verify", NAME, "--photo", "photo.png"], "--photo and --trimap belong together: give both, or neither"),
        (["verify", NAME, "--trimap", "trimap.png"], "--photo and --trimap belong together: give both, or neither"),
        (
            ["verify", NAME, "--photo", "photo.png", "--trimap", "trimap.png"],
            f"no golden values of {NAME!r} were published; there are some of hustvl/vitmatte-small-composition-1k, ",
        ),
    ],
)
def test_refusals(folder, capsys, arguments, message):
    assert_refused(run(capsys, *arguments), message)
    assert not list(folder.rglob(WEIGHTS))


@pytest.mark.extras
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tester/nothing"], "shows no such repository (status 401)"),
        ([NAME, "--revision", "next"], f"{NAME!r} has no revision 'next'"),
    ],
)
def test_refused_downloads(served, capsys, arguments, message):
    assert_refused(run(capsys, "download", *arguments), message)
    assert not list(served.rglob(WEIGHTS))


@pytest.mark.extras
def test_download_without_a_network(served, capsys, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    assert_refused(run(capsys, "download", NAME), "cannot be fetched from http://127.0.0.1:1: ")


def test_download_without_the_extra(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert_refused(run(capsys, "download", NAME), "run pip install 'numpy-vitmatte[hub]', or fetch it with 'hf ")


# verify -------------------------------------------------------------------------------------------------------------


def ok_lines(files):
    """What verify prints of untouched files, in alphabetical order."""
    sums = {name: ("sha256", sha256) if name == WEIGHTS else ("git sha1", git_sha1) for name in files}
    return [f"ok       {name}  {kind} {checksum(files[name])}" for name, (kind, checksum) in sorted(sums.items())]


def test_verify(snapshot, capsys, lively_files):
    status, out, err = run(capsys, "verify", NAME)
    assert (status, out.splitlines(), err) == (0, ok_lines(lively_files), [])


def test_verify_finds_a_changed_bit(snapshot, capsys, lively_files):
    content = lively_files[WEIGHTS]
    changed = content[:-1] + bytes([content[-1] ^ 1])
    (snapshot / WEIGHTS).resolve().write_bytes(changed)
    status, out, err = run(capsys, "verify", NAME)
    assert (status, err) == (1, [])
    expected = ok_lines(lively_files)
    expected[1] = f"DIFFERS  {WEIGHTS}  sha256 {sha256(changed)}, expected {sha256(content)}"
    assert out.splitlines() == expected


def test_verify_says_what_it_cannot_know(snapshot, capsys, lively_files):
    """Without links, as on Windows, the cache does not keep the checksum."""
    (snapshot / WEIGHTS).resolve().replace(snapshot / WEIGHTS)
    status, out, _ = run(capsys, "verify", NAME)
    assert status == 1
    assert out.splitlines()[1] == (
        f"UNKNOWN  {WEIGHTS}  sha256 {sha256(lively_files[WEIGHTS])}; the cache holds no value to compare it with"
    )


def test_verify_of_a_link_that_leads_nowhere(snapshot, capsys):
    (snapshot / "preprocessor_config.json").resolve().unlink()
    message = "preprocessor_config.json cannot be read: No such file or directory; download the checkpoint again"
    status, _, (err,) = run(capsys, "verify", NAME)
    assert (status, message in err) == (2, True)


@pytest.fixture
def golden(snapshot, monkeypatch):
    """Values for a made-up entry: the network's own, of the trimap's gray levels as they are, to four digits."""
    levels = TRIMAP.copy()
    levels[:2, :2] = 77  # a cleaned trimap would have 128 here
    Image.fromarray(levels).save("trimap.png")
    inputs = VitMatteImageProcessor.from_pretrained(snapshot)(images=PHOTO, trimaps=levels)
    alphas = VitMatteForImageMatting.from_pretrained(snapshot)(**inputs).alphas
    corner = np.round(alphas[0, 0, :3, :3].astype(float), 4)

    def publish(change=0.0):
        values = corner + np.diag([0, 0, change])
        monkeypatch.setitem(PUBLISHED, NAME, PublishedCheckpoint("nothing", tuple(map(tuple, values.tolist()))))

    return publish


def verify_golden(capsys, photo="photo.png", trimap="trimap.png"):
    return run(capsys, "verify", NAME, "--photo", photo, "--trimap", trimap)


def test_verify_golden_values(golden, capsys, lively_files):
    golden()
    status, out, _ = verify_golden(capsys)
    lines = out.splitlines()
    assert (status, lines[:-1]) == (0, ok_lines(lively_files))
    assert lines[-1].startswith("ok       golden values  largest difference ")
    assert lines[-1].endswith(", tolerance 1e-04")


def test_verify_golden_values_that_differ(golden, capsys):
    golden(change=2e-4)
    status, out, _ = verify_golden(capsys)
    assert status == 1
    assert out.splitlines()[-1].startswith("DIFFERS  golden values  largest difference ")


@pytest.mark.parametrize(
    ("photo", "trimap", "message"),
    [
        ("nothing.png", "trimap.png", "photo 'nothing.png'"),
        ("photo.png", "nothing.png", "trimap 'nothing.png'"),
        (
            "photo.png",
            "speck.png",
            "trimap 'speck.png' has fewer than 3 x 3 pixels; the golden values are of that many",
        ),
        ("photo.png", "small.png", "70"),
    ],
)
def test_verify_with_pictures_that_do_not_fit(golden, capsys, photo, trimap, message):
    golden()
    Image.fromarray(TRIMAP[:2, :2]).save("speck.png")
    Image.fromarray(TRIMAP[:, :70]).save("small.png")
    status, _, (err,) = verify_golden(capsys, photo, trimap)
    assert (status, message in err) == (2, True)


def test_the_published_golden_values():
    """Typed from transformers' conversion script; corners of a known foreground."""
    assert len(PUBLISHED) == 4
    for entry in PUBLISHED.values():
        corner = np.array(entry.corner)
        assert corner.shape == (3, 3)
        assert (corner > 0.98).all()
        assert (corner <= 1).all()
    assert PUBLISHED["hustvl/vitmatte-small-composition-1k"].corner[0] == (0.9977, 0.9987, 0.9990)


@pytest.mark.extras
def test_nothing_is_left_behind(served, capsys):
    """Both commands write into the cache alone."""
    before = sorted(os.listdir(served))
    run(capsys, "download", NAME)
    run(capsys, "verify", NAME)
    assert sorted(os.listdir(served)) == sorted([*before, "hf-home"])
