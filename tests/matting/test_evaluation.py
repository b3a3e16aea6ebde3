"""A folder's errors: a case worked by hand through every form of output."""

import json

import numpy as np
import pytest
from PIL import Image
from support import command_line
from support.command_line import assert_refused

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.matting.evaluation import evaluate_file, mean_errors
from numpy_vitmatte.matting.metrics import AlphaErrors

ROWS = {"cat": AlphaErrors(1, 2, 3, 4, 5), "dog": AlphaErrors(3, 4, 5, 6, 17)}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Predictions, truths and trimaps of two pictures of 2 x 2 pixels; the left column is unknown."""
    monkeypatch.chdir(tmp_path)
    for name, levels in {
        "alphas/cat": [[51, 255], [0, 0]],
        "truths/cat": [[0, 255], [102, 0]],
        "trimaps/cat": [[128, 255], [128, 0]],
        "alphas/dog": [[0, 255], [0, 51]],
        "truths/dog": [[0, 255], [0, 0]],
        "trimaps/dog": [[128, 255], [128, 0]],
    }.items():
        path = tmp_path / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.uint8(levels)).save(path)
    return tmp_path


def run(capsys, *arguments):
    return command_line.run(capsys, "evaluate", *arguments)


def test_unknown_region_and_whole_picture_worked_by_hand(folder):
    """cat: 0.2 and 0.4 off, both unknown; both alphas lie on no common part there, so Conn counts them whole."""
    unknown = evaluate_file(*(folder / name / "cat.png" for name in ("alphas", "truths", "trimaps")))
    assert (unknown.sad, unknown.mse, unknown.mad, unknown.conn) == pytest.approx((0.6e-3, 100, 300, 0.6e-3))
    whole = evaluate_file(folder / "alphas/cat.png", folder / "truths/cat.png")
    assert (whole.sad, whole.mse, whole.mad, whole.conn) == pytest.approx((0.6e-3, 50, 150, 0.6e-3))


def test_mean_counts_pictures_alike():
    assert mean_errors(ROWS) == AlphaErrors(2, 3, 4, 5, 11)


def test_table_csv_and_json(folder, capsys):
    status, out, err = run(
        capsys, "alphas", "truths", "--trimaps", "trimaps", "--csv", "errors.csv", "--json", "errors.json"
    )
    assert status == 0
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["picture", "SAD", "MSE", "MAD", "Grad", "Conn"]
    assert [line[0] for line in lines[1:]] == ["cat", "dog", "mean"]
    assert lines[1][1:4] == ["0.001", "100.000", "300.000"]
    assert lines[2][1:4] == ["0.000", "0.000", "0.000"]
    assert lines[3][:6] == ["mean", "of", "2", "0.000", "50.000", "150.000"]
    assert len({len(line) for line in out.splitlines()}) == 1
    assert err == [
        "numpy-vitmatte: SAD, Grad, Conn in thousands; MSE, MAD in thousandths; over pixels that the trimap marks as "
        "unknown"
    ]
    written = (folder / "errors.csv").read_text().splitlines()
    assert written[0] == "picture,sad,mse,mad,grad,conn"
    assert [line.split(",")[0] for line in written[1:]] == ["cat", "dog"]
    assert float(written[1].split(",")[2]) == pytest.approx(100, rel=1e-12)
    values = json.loads((folder / "errors.json").read_text())
    assert (values["region"], values["failed"]) == ("unknown", {})
    assert values["mean"]["mse"] == pytest.approx(50)
    assert values["pictures"]["cat"]["sad"] == pytest.approx(0.6e-3)
    assert values["units"]["mse"] == "thousandths"


def test_without_trimaps_every_pixel_counts(folder, capsys):
    status, out, err = run(capsys, "alphas", "truths", "--json", "-")
    assert status == 0
    assert err[0].endswith("over every pixel")
    values = json.loads(out)
    assert values["region"] == "whole image"
    assert values["pictures"]["dog"]["sad"] == pytest.approx(0.2e-3)
    assert run(capsys, "alphas", "truths", "--csv", "made.csv")[0] == 0
    assert run(capsys, "alphas", "truths", "--csv", "-", "--quiet") == (0, (folder / "made.csv").read_text(), [])


def test_what_cannot_be_scored_is_listed_at_the_end(folder, capsys):
    Image.fromarray(np.zeros((2, 3), np.uint8)).save("truths/dog.png")
    (folder / "alphas/eel.png").write_bytes(b"no picture")
    Image.fromarray(np.zeros((2, 2), np.uint8)).save("truths/eel.png")
    Image.fromarray(np.zeros((2, 2), np.uint8)).save("truths/fox.png")
    status, out, lines = run(capsys, "alphas", "truths", "--quiet")
    assert status == 1
    assert [line.split()[0] for line in out.splitlines()] == ["picture", "cat", "mean"]
    assert lines[0] == "numpy-vitmatte: 3 of 4 alphas could not be scored:"
    assert "dog: sizes differ (prediction 2 x 2, true alpha 3 x 2 pixels, width x height)" in lines[1]
    assert "eel: prediction 'alphas/eel.png' is not an image" in lines[2]
    assert "fox: no prediction of that stem in 'alphas' for the true alpha 'fox.png'" in lines[3]


def test_trimap_without_unknown_pixels(folder):
    Image.fromarray(np.uint8([[0, 255], [0, 255]])).save("trimaps/cat.png")
    with pytest.raises(ImageError, match="marks nothing as unknown: not one pixel is to be scored"):
        evaluate_file(*(folder / name / "cat.png" for name in ("alphas", "truths", "trimaps")))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none", "truths"], "prediction folder 'none': no such folder"),
        (["alphas", "alphas"], "prediction folder and true alpha folder are the same"),
        (["alphas", "truths", "--csv", "-", "--json", "-"], "would both go to stdout"),
        (["alphas", "truths", "--csv", "rows.txt"], "ends in '.txt'; expected .csv"),
        (["alphas", "truths", "--json", "old.json"], "exists already"),
        (["alphas", "truths", "--csv", "none/rows.csv"], "no such folder"),
        (["alphas", "bad"], "no alpha could be scored; for example 'cat': true alpha 'bad/cat.png'"),
        (["alphas"], "required: GT_DIR"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_usage(folder, capsys, arguments, message):
    (folder / "old.json").write_text("precious")
    (folder / "bad").mkdir()
    (folder / "bad/cat.png").touch()
    before = sorted(folder.rglob("*"))
    assert_refused(run(capsys, *arguments), message)
    assert sorted(folder.rglob("*")) == before
    assert (folder / "old.json").read_text() == "precious"
