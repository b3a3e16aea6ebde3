"""Notebooks are small, their exercises are stubs, and they explain a word of the glossary where it first stands."""

import json
import re
from pathlib import Path

import pytest

from numpy_vitmatte.teaching.exercises import EXERCISES

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "tutorials").glob("*.ipynb"))
GLOSSARY = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")

# Words that the notebooks use in their everyday meaning, or that begin a later notebook.
EVERYDAY = {"background", "foreground", "piece", "stride", "score", "known", "kernel", "tile", "band", "value", "key"}


def cells(path, kind):
    """Sources of a notebook's cells of a kind."""
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in found if cell["cell_type"] == kind]


def terms():
    """The glossary's words, the longer first."""
    rows = re.findall(r"^\| (\*\*.*?\*\*) \|", GLOSSARY, re.MULTILINE)
    return sorted({word for row in rows for word in re.findall(r"\*\*(.*?)\*\*", row)}, key=len, reverse=True)


def prose(*paths):
    """What notebooks say, without headings, code, bold words, formulas and the targets of links."""
    text = "\n".join("\n".join(cells(path, "markdown")) for path in paths)
    for out in (r"\$\$.*?\$\$", r"\$[^$]*\$", r"`[^`]*`", r"\]\([^)]*\)", r"^#.*$", r"\*\*"):
        text = re.sub(out, " ", text, flags=re.DOTALL if "$$" in out else re.MULTILINE)
    return text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_small(path):
    assert path.stat().st_size <= 500_000
    assert len(cells(path, "markdown")) + len(cells(path, "code")) <= 25


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", "\n".join(cells(path, "markdown")))
    assert targets
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_every_exercise_is_checked_and_not_solved(path):
    code = "\n".join(cells(path, "code"))
    checked = re.findall(r'^check\("([\d.]+)", \w+\)$', code, re.MULTILINE)
    assert checked == sorted(number for number in EXERCISES if number.startswith(path.name[:2] + "."))
    assert code.count("raise NotImplementedError") == len(checked)


def test_glossary_has_no_word_twice():
    words = re.findall(r"\*\*(.*?)\*\*", GLOSSARY)
    assert len(words) == len(set(words)) > 40


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_word_is_explained_where_it_first_stands(path):
    """Its first use in the course is in italics, alone or as a part of a longer word."""
    before, text = (prose(*paths) for paths in (NOTEBOOKS[: NOTEBOOKS.index(path)], [path]))
    unexplained = []
    for term in sorted(set(terms()) - EVERYDAY):
        word = re.compile(rf"(?<![\w-]){re.escape(term)}(?:e?s)?(?![\w-])", re.IGNORECASE)
        first = None if word.search(before) else word.search(text)
        if first and text[: first.start()].count("*") % 2 == 0:
            unexplained.append((term, text[max(0, first.start() - 60) : first.end() + 20]))
    assert not unexplained
