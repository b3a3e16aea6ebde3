"""Messages of a command in addition to its results: log lines and Python warnings on stderr, one line each."""

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger("numpy_vitmatte")


@contextmanager
def messages_on_stderr(verbosity: int) -> Iterator[None]:
    """Print the package's log from level `verbosity` up, and the warnings of a run that succeeds.

    Warnings are printed at the end, and only if no error is raised: an error stands alone on its line.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("numpy-vitmatte: %(message)s"))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(verbosity)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            yield
        for warning in caught:
            logger.warning("warning: %s", " ".join(str(warning.message).split()))
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
