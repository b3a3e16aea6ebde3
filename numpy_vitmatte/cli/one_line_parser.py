"""An argument parser whose usage errors are one line, and which describes a command only when it is asked for."""

import argparse
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from numpy_vitmatte.errors import one_line


class OneLineParser(argparse.ArgumentParser):
    """A parser whose usage errors are one line, without the usage text.

    Parameters
    ----------
    describe : callable, optional
        ``describe(parser)`` adds description and options. It is called before the parser parses anything, so that a
        program with many commands imports the one that runs and no other.
    **keywords
        Those of :class:`argparse.ArgumentParser`.

    Attributes
    ----------
    interleaved : bool
        Options may also stand before a positional argument that may be left out; otherwise argparse takes it for left
        out at the first option.
    """

    interleaved = False

    def __init__(self, *, describe: Callable[["OneLineParser"], None] | None = None, **keywords: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **keywords)
        self._describe = describe

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse as argparse does, in one go or, once, with options and positional arguments apart."""
        if self._describe is not None:
            describe, self._describe = self._describe, None
            describe(self)
        if not self.interleaved:
            return super().parse_known_args(args, namespace)
        self.interleaved = False  # it calls this method for each of its two goes
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self.interleaved = True

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print as argparse does, but a full disk is an error."""
        if file is sys.stdout:
            file.write(message)
        else:
            super()._print_message(message, file)

    def error(self, message: str) -> NoReturn:
        """Print the message on one line and exit with status 2."""
        self.exit(2, f"{self.prog}: error: {one_line(message)} (see {self.prog} --help)\n")
