"""The notebooks speak in whole sentences: each has a verb. What a test cannot see, a reader must."""

import json
import re
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "tutorials").glob("*.ipynb"))

# The verbs that the course uses: whole forms, then roots. A new one is added there.
WHOLE, ROOTS = (
    part.split("\n", 1)[1].split()
    for part in (Path(__file__).resolve().parents[1] / "data/verbs.txt").read_text(encoding="utf-8").split("# ")[1:]
)
VERB = re.compile(rf"\b({'|'.join(WHOLE)}|({'|'.join(ROOTS)})(e?[sd])?)\b", re.IGNORECASE)


def sentences(markdown):
    """Sentences of a cell; formulas, code and links are words, and headings, tables and bold labels are left out."""
    markdown = re.sub(r"\$\$.*?\$\$", " This is a formula. ", markdown, flags=re.DOTALL)
    for pattern, word in ((r"```.*?```", " "), (r"`[^`]*`", "code"), (r"\$[^$]*\$", "formula")):
        markdown = re.sub(pattern, word, markdown, flags=re.DOTALL)
    markdown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    markdown = re.sub(r"^#.*$|^\|.*$|\*\*[^*]+[.:]\*\*", "", markdown, flags=re.MULTILINE)
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.)\s)", markdown):
        text = re.sub(r"^\s*(?:[-*]|\d+\.)\s+", "", paragraph).replace("*", "").replace("et al.", "et al")
        yield from (part for part in re.split(r"(?<=[.!?])\s+(?=[A-Z])", " ".join(text.split())) if part)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_every_sentence_has_a_verb(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    prose = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    found = [sentence for cell in prose for sentence in sentences(cell)]
    assert len(found) > 20
    assert [sentence for sentence in found if not VERB.search(sentence)] == []


def test_a_fragment_is_found():
    assert list(sentences("**Goal.** We look at `x`. Of a *token* the same. $$a = b$$ Nothing more")) == [
        "We look at code.",
        "Of a token the same.",
        "This is a formula.",
        "Nothing more",
    ]
    assert [bool(VERB.search(text)) for text in ("We look at code.", "Of a token the same.")] == [True, False]
