"""The words of the package and its pages: American spelling, and rooms that say with a subject what they are."""

import ast
import re
from pathlib import Path

import numpy_vitmatte

PACKAGE = Path(numpy_vitmatte.__file__).parent
CHECKOUT = Path(__file__).resolve().parents[1]

BRITISH = re.compile(
    r"colour|grey|behaviour|neighbour|(?:normal|optim|initial|recogn|summar|organ|random)is[aei]|centre", re.IGNORECASE
)
OPENINGS = ("As", "How", "Of", "What", "When", "Where", "Which", "Who", "Whose")


def pages():
    """Modules, tests and pages, but for notebooks and what others wrote."""
    yield from PACKAGE.rglob("*.py")
    for folder, pattern in (("tests", "*.py"), ("docs", "*.md"), (".", "*.md")):
        found = (CHECKOUT / folder).glob(pattern) if folder == "." else (CHECKOUT / folder).rglob(pattern)
        yield from (path for path in found if "training_recipe" not in path.parts and path.name != "test_words.py")


def test_american_spelling():
    found = [
        f"{path}:{number}: {line.strip()}"
        for path in sorted(set(pages()))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if BRITISH.search(line)
    ]
    assert not found, "\n".join(found)


def test_no_docstring_opens_without_a_subject_or_a_verb():
    opened = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                words = (ast.get_docstring(node) or "-").split()
                opened += [f"{path}: {' '.join(words[:8])}"] if words[0] in OPENINGS else []
    assert not opened, "\n".join(opened)
