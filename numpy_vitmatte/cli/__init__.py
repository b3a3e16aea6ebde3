"""The command line, ``numpy-vitmatte``: one file a command."""

from numpy_vitmatte.cli.program import main

__all__ = ["main"]
