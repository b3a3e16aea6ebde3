"""The command line, ``numpy-vitmatte``: one file a command."""

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; see :func:`numpy_vitmatte.cli.program.main`, which is imported where Ctrl-C is understood."""
    try:
        from numpy_vitmatte.cli.program import main as run
    except KeyboardInterrupt:
        print("numpy-vitmatte: interrupted", file=sys.stderr)
        return 130
    return run(argv)
