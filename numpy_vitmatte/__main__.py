"""``python -m numpy_vitmatte`` is ``numpy-vitmatte``."""

import sys

from numpy_vitmatte.cli import main

sys.exit(main())
