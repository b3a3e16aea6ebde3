"""Scripts written for transformers: every row of docs/from-transformers.md is run, here and with transformers."""

import ast
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from support.matting_job import PHOTO, TRIMAP

import numpy_vitmatte

PAGE = Path(__file__).resolve().parent.parent / "docs" / "from-transformers.md"
NAMES = (
    "AutoConfig",
    "AutoImageProcessor",
    "AutoModelForImageMatting",
    "VitMatteConfig",
    "VitMatteForImageMatting",
    "VitMatteImageProcessor",
    "VitMatteImageProcessorPil",
)
NEEDS = "the [parity] extra is not installed"

# What a row holds that needs torch.
TENSORS = re.compile(r"torch\.|\"pt\"|inputs|numel")

# Two chains of float32 operations, as in test_model_parity.
TOLERANCE = 1e-4


def rows(heading):
    """Cells of the table under a heading, without the backticks of the code."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip().strip("`") for cell in re.split(r" \|(?: |$)", line[2:])] for line in lines]


SAME, OLDER, DIFFERENT = map(rows, ("What is the same", "What transformers had before version 5", "What differs"))


def test_the_page_has_rows():
    assert [len(SAME) > 25, len(OLDER) > 3, len(DIFFERENT) > 15] == [True] * 3


def script(library, folder, code):
    """Run a row as a script that imports this library: the value of its last expression."""
    torch = pytest.importorskip("torch", reason=NEEDS) if TENSORS.search(code) else None
    names = {name: getattr(library, name) for name in NAMES if name in code or not ("Auto" in name or "Pil" in name)}
    values = SimpleNamespace(**names)
    scope = names | {
        "np": np,
        "torch": torch,
        "folder": folder,
        "bare": folder / "bare",
        "photo": Image.fromarray(PHOTO),
        "trimap": Image.fromarray(TRIMAP),
        "config": values.VitMatteConfig.from_pretrained(folder),
        "model": values.VitMatteForImageMatting.from_pretrained(folder),
        "processor": values.VitMatteImageProcessor.from_pretrained(folder),
    }
    if "inputs" in code:
        scope["inputs"] = scope["processor"](images=scope["photo"], trimaps=scope["trimap"], return_tensors="pt")
        scope["model"].eval()
    *statements, last = ast.parse(code).body
    exec(compile(ast.Module(statements, []), code, "exec"), scope)
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), code, "eval"), scope)
    exec(compile(ast.Module([last], []), code, "exec"), scope)
    return None


@pytest.fixture
def folder(lively_checkpoint, tmp_path):
    shutil.copytree(lively_checkpoint, tmp_path / "checkpoint")
    shutil.copytree(lively_checkpoint, tmp_path / "checkpoint/bare")
    (tmp_path / "checkpoint/bare/preprocessor_config.json").unlink()
    return tmp_path / "checkpoint"


@pytest.mark.parity
@pytest.mark.parametrize("code", [row[0] for row in SAME])
def test_the_same(code, folder):
    """Types of results, and what they hold, are those that transformers gives."""
    transformers = pytest.importorskip("transformers", reason=NEEDS)
    ours = script(numpy_vitmatte, folder, code)
    theirs = script(transformers, folder, code)
    assert_same(ours, theirs)


def assert_same(ours, theirs):
    if isinstance(theirs, (tuple, list)):
        assert len(ours) == len(theirs)
        for own, their in zip(ours, theirs, strict=True):
            assert_same(own, their)
        return
    assert type(ours) is type(theirs)
    if hasattr(theirs, "detach") or isinstance(theirs, np.ndarray):
        own, their = (np.asarray(each.detach() if hasattr(each, "detach") else each) for each in (ours, theirs))
        assert own.shape == their.shape
        assert own.dtype == their.dtype
        np.testing.assert_allclose(own, their, rtol=0, atol=TOLERANCE)
    else:
        assert ours == theirs


@pytest.mark.parametrize("code", [row[0] for row in SAME if not TENSORS.search(row[0])])
def test_without_torch(code, folder):
    """The rows that ask for no tensor; what they give is compared above."""
    script(numpy_vitmatte, folder, code)


@pytest.mark.parametrize(("code", "expected"), [row[:2] for row in OLDER])
def test_what_older_versions_had(code, expected, folder):
    assert repr(script(numpy_vitmatte, folder, code)) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [pytest.param(*row[:2], marks=[pytest.mark.parity] * bool(TENSORS.search(row[0]))) for row in DIFFERENT],
)
def test_what_differs(code, expected, folder):
    """An error, a warning, or a value."""
    if expected.endswith("Error"):
        with pytest.raises(Exception, match=r".+") as caught:
            script(numpy_vitmatte, folder, code)
        assert type(caught.value).__name__ == expected
    elif expected == "UserWarning":
        with pytest.warns(UserWarning, match=r".+"):
            script(numpy_vitmatte, folder, code)
    else:
        assert repr(script(numpy_vitmatte, folder, code)) == expected
