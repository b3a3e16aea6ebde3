"""What a teacher gets: the verdicts of a notebook as JSON, and those of many notebooks by one command."""

import importlib.util
import json
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from numpy_vitmatte.teaching import check, checks, report
from numpy_vitmatte.teaching.exercises import EXERCISES

TUTORIALS = Path(__file__).resolve().parents[2] / "tutorials"


@pytest.fixture
def fresh(monkeypatch):
    """No exercise was checked in this process."""
    monkeypatch.setattr(checks, "_latest", {})


def script(name):
    spec = importlib.util.spec_from_file_location(name, TUTORIALS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tokens(height, width):
    return (-height % 32 + height) // 16, (-width % 32 + width) // 16


def test_the_report_has_the_last_verdict_on_each_exercise(fresh, tmp_path, capsys):
    check("01.3", lambda height, width: (height, width))
    check("01.3", tokens)
    check("01.1", lambda *_: None)
    check("99.9", tokens)
    found = report(tmp_path / "report.json")
    assert found == json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    outcomes = {number: each["outcome"] for number, each in found["exercises"].items()}
    assert outcomes["01.3"] == "right"
    assert outcomes["01.1"] == "failed"
    assert outcomes["01.2"] == "not tried yet"
    assert (found["right"], found["of"]) == (1, sum(number.startswith("01.") for number in EXERCISES))


def test_nothing_checked_is_an_empty_report(fresh):
    assert (report()["right"], report()["of"], report()["exercises"]) == (0, 0, {})


@pytest.mark.extras("nbformat", "nbclient", "ipykernel")
@pytest.mark.filterwarnings("default")  # of the notebook server's own packages
def test_handed_in_notebooks_are_graded(tmp_path, monkeypatch):
    import nbformat

    monkeypatch.setenv("PYTHONPATH", str(TUTORIALS.parent))

    cells = [
        "from numpy_vitmatte.teaching import check",
        "raise ValueError('a cell that fails does not stop the rest')",
        "check('01.3', lambda height, width: ((-height % 32 + height) // 16, (-width % 32 + width) // 16))",
        "check('01.1', lambda *_: 0)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(notebook, tmp_path / "ada.ipynb")
    (tmp_path / "bob.ipynb").write_text("no notebook", encoding="utf-8")
    script("grade").main([str(tmp_path), "-o", str(tmp_path / "grades.json")])
    grades = json.loads((tmp_path / "grades.json").read_text(encoding="utf-8"))
    ada, bob = grades[str(tmp_path / "ada.ipynb")], grades[str(tmp_path / "bob.ipynb")]
    assert ada["right"] == 1
    assert ada["exercises"]["01.1"]["outcome"] == "wrong shape"
    assert "error" in bob


def test_what_lies_in_the_archive(tmp_path, monkeypatch):
    """The real command is run by .ci/run; here its two slow steps only leave a mark."""
    archive, asked = script("archive"), []

    def run(command, check):
        asked.append(command)
        folder = Path(command[command.index("--wheel-dir") + 1] if "pip" in command else command[-1])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "made").write_text("")

    monkeypatch.setattr(subprocess, "run", run)
    archive.main([str(tmp_path / "course.zip")])
    made = zipfile.ZipFile(tmp_path / "course.zip")
    names = made.namelist()
    notebooks = {f"course/tutorials/{path.name}" for path in TUTORIALS.glob("*.ipynb")}
    assert notebooks < set(names)
    text = "".join(made.read(name).decode() for name in notebooks)
    assert "](../site/attention.html" in text
    assert not re.search(r"\]\(\.\./(?!site/)", text)  # everything else is not in the archive
    assert {"course/BEGIN.txt", "course/tutorials/grade.py", "course/wheels/made", "course/site/made"} < set(names)
    assert not any("solutions" in name for name in names)
    assert asked[0][-1].endswith("[tutorials]")
    assert "sphinx" in asked[1]


def test_an_archive_without_its_suffix_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        script("archive").main([str(tmp_path / "course")])
    assert "give it the suffix .zip" in capsys.readouterr().err
