"""Messages of a command in addition to its results: log lines and Python warnings on stderr, one line each."""

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from numpy_vitmatte.errors import one_line

logger = logging.getLogger("numpy_vitmatte")


class _OneLine(logging.Formatter):
    """Lines in which nothing is left that a terminal would obey: they quote files' names and what is in files."""

    def format(self, record: logging.LogRecord) -> str:
        return one_line(super().format(record))


@contextmanager
def messages_on_stderr(verbosity: int) -> Iterator[None]:
    """Print the package's log from level `verbosity` up, and the warnings of a run that succeeds.

    Warnings are printed at the end, and only if no error is raised: an error stands alone on its line.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine("numpy-vitmatte: %(message)s"))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(verbosity)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            yield
        for warning in caught:
            logger.warning("warning: %s", warning.message)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
