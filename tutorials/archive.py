"""Pack the course for a room without a network: ``python tutorials/archive.py course.zip``.

The archive holds the wheel of this package and of everything that notebooks need, the notebooks, the site, and a page
that says how to begin. Making it takes the network once, for the other packages; wheels are those of the Python and the
machine that runs this script. CONTRIBUTING.md says what has to be installed to build the site.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_LINKS = {
    r"\]\(\.\./docs/([\w/-]+)\.md": r"](../site/\1.html",
    r"\]\(\.\./numpy_vitmatte/([\w/]+)\.py": r"](../site/_modules/numpy_vitmatte/\1.html",
}
"""Where a notebook's links lead in the repository, and in the archive."""

_BEGIN = """The course, without a network

You need Python {version} on {platform}. In this folder:

    python -m venv course
    course/bin/python -m pip install --no-index --find-links wheels "numpy-vitmatte[tutorials]"
    course/bin/jupyter lab tutorials

On Windows write course\\Scripts instead of course/bin. Then open the first notebook. The documentation, with the page
where a click shows what the network looks at, begins at site/index.html; a browser opens it as a file.

Teachers: site/teaching.html says how to plan a lecture or a term. To grade what was handed in:

    course/bin/python tutorials/grade.py HANDED-IN -o grades.json
"""


def main(arguments: list[str] | None = None) -> None:
    """Write the archive."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0].split(":")[0] + ".")
    parser.add_argument("archive", type=Path, help="the zip to write")
    parser.add_argument("--only-this-package", action="store_true", help="leave out other packages' wheels")
    chosen = parser.parse_args(arguments)
    if chosen.archive.suffix != ".zip":
        parser.error(f"{chosen.archive} is no name of a zip; give it the suffix .zip")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "course"
        (folder / "wheels").mkdir(parents=True)
        _wheels(folder / "wheels", chosen.only_this_package)
        _tutorials(folder / "tutorials")
        options = ["-q", "-W", "--keep-going", "-b", "html", "-d", Path(scratch) / "doctrees"]
        site = Path(scratch) / "built" / "site"  # myst-nb also writes next to what it builds
        _run("sphinx", *options, ROOT / "docs", site)
        shutil.move(site, folder / "site")
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        (folder / "BEGIN.txt").write_text(_BEGIN.format(version=version, platform=sys.platform), encoding="utf-8")
        shutil.make_archive(str(chosen.archive.with_suffix("")), "zip", scratch, "course")
    print(chosen.archive)


def _wheels(folder: Path, only_this: bool) -> None:
    """Build this package's wheel, and collect what it and the notebooks need."""
    package = str(ROOT) if only_this else f"{ROOT}[tutorials]"
    _run("pip", "wheel", "--quiet", *(["--no-deps"] if only_this else []), "--wheel-dir", folder, package)


def _tutorials(folder: Path) -> None:
    """Copy the grader, and notebooks whose links lead into the site; solutions are there, behind a click."""
    folder.mkdir()
    shutil.copy(ROOT / "tutorials" / "grade.py", folder)
    for path in (ROOT / "tutorials").glob("*.ipynb"):
        text = path.read_text(encoding="utf-8")
        for pattern, target in _LINKS.items():
            text = re.sub(pattern, target, text)
        (folder / path.name).write_text(text, encoding="utf-8")


def _run(module: str, *arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", module, *map(str, arguments)], check=True)


if __name__ == "__main__":
    main()
