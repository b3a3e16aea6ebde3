"""The page's sources are an extension of the documentation, which lies beside the package."""

import sys
from pathlib import Path

EXTENSIONS = str(Path(__file__).resolve().parents[2] / "docs" / "extensions")
if EXTENSIONS not in sys.path:
    sys.path.insert(0, EXTENSIONS)
