"""A bar of progress and time left, where a photo takes long and somebody looks at a terminal."""

import contextlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from numpy_vitmatte.cli.messages import logger
from numpy_vitmatte.network.progress import progress_to

PATIENCE = 3.0
"""Seconds before a bar is shown."""


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[None]:
    """Show how far the passes of the block are, on standard error.

    Parameters
    ----------
    quiet : bool
        Show nothing. Without a terminal nothing is shown anyway.
    """
    if quiet or not sys.stderr.isatty():
        yield
        return
    with contextlib.ExitStack() as shown, logging_redirect_tqdm([logger]):
        bars: list[tqdm] = []

        def show(share: float) -> None:
            if not bars:
                form = "{percentage:3.0f}%|{bar}| {elapsed}, {remaining} left"
                bars.append(shown.enter_context(tqdm(total=1.0, leave=False, delay=PATIENCE, bar_format=form)))
            bars[0].update(share - bars[0].n)
            if share >= 1:
                bars.pop().close()

        shown.enter_context(progress_to(show))
        yield
