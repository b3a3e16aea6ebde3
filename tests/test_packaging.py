"""What is said in more than one place is the same in all of them: versions, dependencies, addresses."""

import re
import sys
import tomllib
from pathlib import Path

import numpy_vitmatte

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]


def name_and_version(requirement):
    """``("numpy", (1, 26))`` of ``"numpy>=1.26"`` or ``"numpy==1.26"``."""
    name, version = re.fullmatch(r"([\w-]+)[=>]=([\d.]+)(?:\..*)?", requirement).groups()
    return re.sub(r"[-_]", "-", name).lower(), tuple(map(int, version.strip(".").split(".")))


def requirements():
    groups = [*PROJECT["optional-dependencies"].values(), *PYPROJECT["dependency-groups"].values()]
    return PROJECT["dependencies"] + [requirement for group in groups for requirement in group]


def test_one_version():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    version, date = re.search(r"^## (\d\S*) - (\S+)$", changelog, re.MULTILINE).groups()
    assert version == numpy_vitmatte.__version__
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {version}\n" in citation
    assert f'\ndate-released: "{date}"\n' in citation


def test_the_gates_versions_hold_what_is_declared():
    """Every dependency has a version in .ci/constraints.txt, and none is below the lowest that is declared."""
    lines = (ROOT / ".ci/constraints.txt").read_text(encoding="utf-8").splitlines()
    held = dict(name_and_version(line) for line in lines if line and not line.startswith("#"))
    for name, lowest in map(name_and_version, requirements()):
        assert held[name] >= lowest, name


def test_links_of_the_readme_on_pypi_lead_to_the_repository():
    """As hatch-fancy-pypi-readme makes them: no target is relative."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    hook = PYPROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    for rule in hook["substitutions"]:
        readme = re.sub(rule["pattern"], rule["replacement"], readme)
    targets = re.findall(r"\]\(([^)]+)\)", readme)
    assert len(targets) > 20
    assert [target for target in targets if not target.startswith("https://")] == []
    for target in re.findall(r"/v\$HFPR_VERSION/([^)#]+)", readme):
        assert (ROOT / target).exists(), target


def test_this_python_is_one_of_those_declared():
    assert f"Programming Language :: Python :: 3.{sys.version_info.minor}" in PROJECT["classifiers"]
