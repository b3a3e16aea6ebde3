"""Settings of the documentation site: ``sphinx-build -W -b html docs docs/_build/html``, with the group ``docs``."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "extensions")]

import numpy_vitmatte  # noqa: E402

project = "numpy-vitmatte"
author = "numpy-vitmatte contributors"
copyright = "2026, numpy-vitmatte contributors"
release = version = numpy_vitmatte.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "docstrings",
    "mathml",
    "source_pages",
    "attention",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "numpy-vitmatte"
html_static_path = ["static"]
html_css_files = ["pages.css"]
html_math_renderer = "mathml"

myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
# Notebooks are kept with their outputs; tests/test_tutorials.py runs them.
nb_execution_mode = "off"

napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True  # a named tuple's fields are documented once
autodoc_member_order = "bysource"
autodoc_default_options = {"special-members": "__call__"}
autodoc_typehints = "none"  # the docstrings give types with shapes


def _copy_tutorials() -> None:
    """Sphinx reads only what lies below ``docs``; the notebooks' home is ``tutorials``."""
    target = ROOT / "docs" / "tutorials"
    target.mkdir(exist_ok=True)
    for notebook in (ROOT / "tutorials").glob("*.ipynb"):
        text = notebook.read_text(encoding="utf-8").replace("](../docs/", "](../")  # their links, from here
        (target / notebook.name).write_text(text, encoding="utf-8")


_copy_tutorials()
