"""README and docs tell the truth: commands and snippets run, links lead somewhere, tests they name exist."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from test_floors import ROOMS

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    ROOT / "ATTRIBUTION.md",
    *sorted((ROOT / "docs").glob("*.md")),
]

# A comment above a fenced block: "not run ...", with the reason, or "needs: package", of an extra.
BLOCK = re.compile(r"(?:<!-- (?P<note>[^>]*) -->\n)?```(?P<language>python|bash)\n(?P<code>.*?)```", re.DOTALL)
INSTALLS = "python -m pip install"


def blocks(language):
    """Every fenced block of a language, as a list of pytest parameters."""
    found = []
    for page in PAGES:
        for number, match in enumerate(BLOCK.finditer(page.read_text(encoding="utf-8"))):
            note = match["note"] or ""
            if match["language"] == language and not note.startswith("not run"):
                marks = [pytest.mark.extras(note.removeprefix("needs: "))] if note.startswith("needs: ") else []
                found.append(pytest.param(match, marks=marks, id=f"{page.name}-{number}"))
    return found


@pytest.fixture
def checkout(tmp_path):
    """A folder that looks like a copy of the repository, to run in; what is written stays in it.

    The package itself is not imported from there: under every new path Numba would compile its kernels anew.
    """
    for name in ("numpy_vitmatte", "tests", "weights", "docs", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


@pytest.mark.parametrize("block", blocks("python"))
def test_snippets_run(block, checkout):
    run = in_folder(checkout, sys.executable, "-P", "-c", block["code"])
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("block", blocks("bash"))
def test_commands_run(block, checkout):
    """Commands that install are run by .ci/run, word for word; the others here."""
    command = block["code"].strip()
    if command.startswith(INSTALLS):
        assert with_quiet(command) in (ROOT / ".ci/run").read_text(encoding="utf-8")
        return
    python = f'"{sys.executable}"'
    here = f'numpy-vitmatte() {{ {python} -P -m numpy_vitmatte "$@"; }}; python() {{ {python} "$@"; }}'
    run = in_folder(checkout, "bash", "-ec", f"{here}\n{command}")
    assert run.returncode == 0, run.stdout + run.stderr


def in_folder(folder, *command):
    """Run a command there, with this checkout's package."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def with_quiet(command):
    """The command as .ci/run has it: pip says less there."""
    return command.replace(INSTALLS, INSTALLS + " --quiet")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_block_escapes(page):
    """Another language's block would be run by nobody; ``{...}`` are Sphinx directives."""
    fences = re.findall(r"^```(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert all(fence in ("python", "bash") or fence.startswith("{") for fence in fences[::2])
    assert set(fences[1::2]) <= {""}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("tutorials/"):  # Sphinx checks those
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which does not exist"


def test_named_tests_exist():
    """Tables name the tests that hold what they say."""
    names = [
        name for page in PAGES for name in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page.read_text("utf-8"))
    ]
    assert len(names) > 20
    for path, function in names:
        assert (ROOT / path).is_file(), path
        assert not function or f"def {function}(" in (ROOT / path).read_text(encoding="utf-8"), f"{path}::{function}"


@pytest.mark.parametrize(
    "room",
    [
        "layers",
        "kernels",
        "runtime",
        "network",
        "pipeline",
        "trimaps",
        "matting",
        "images",
        "batch",
        "serve",
        "tracing",
        "teaching",
        "testing",
        "hub",
        "checkpoint",
        "files",
        "configuration",
        "training",
        "gradients",
    ],
)
def test_every_module_of_a_room_is_on_the_site(room):
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md"))
    folder = ROOT / "numpy_vitmatte" / room
    paths = [path.relative_to(folder) for path in folder.rglob("[!_]*.py")]
    modules = {".".join(path.with_suffix("").parts) for path in paths}
    assert modules
    assert modules == set(re.findall(rf"automodule:: numpy_vitmatte\.{room}\.([\w.]+)$", pages, re.MULTILINE))


def test_the_picture_of_the_rooms_is_current():
    """The committed picture is what the script draws of today's imports: ``python docs/images/architecture.py``."""
    spec = importlib.util.spec_from_file_location("architecture", ROOT / "docs/images/architecture.py")
    architecture = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(architecture)
    assert (ROOT / "docs/images/architecture.svg").read_text(encoding="utf-8") == architecture.draw()


def test_the_architecture_page_has_every_room_and_names_files_that_exist():
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([\w.]+)` \|", page, re.MULTILINE) == [room for room in ROOMS if room[0] != "_"]
    files = re.findall(r"\*\*`([\w/]+\.py)`\*\*", page)
    assert len(files) > 5
    for file in files:
        assert (ROOT / "numpy_vitmatte" / file).is_file(), file


def test_examples_in_docstrings():
    """The service's modules import its extra, and have no examples."""
    left_out = [] if importlib.util.find_spec("fastapi") else ["--ignore=numpy_vitmatte/serve"]
    options = ["-q", "--doctest-modules", "numpy_vitmatte", "-p", "no:cacheprovider", *left_out]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=ROOT, env={**os.environ, "PYTEST_ADDOPTS": ""}, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout
