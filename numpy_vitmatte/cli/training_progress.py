"""The progress of a training, on standard error: a bar on a terminal, a line now and then in a file."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from numpy_vitmatte.cli.messages import logger
from numpy_vitmatte.training.finetuning.steps import Listener, Progress

SECONDS_BETWEEN_LINES = 30.0
_SMOOTHING = 0.95


@contextmanager
def training_progress(batch: int, *, quiet: bool) -> Iterator[Listener]:
    """Give the function that a training tells its progress.

    Parameters
    ----------
    batch : int
        Pictures in a step: the rate that is shown is that of pictures.
    quiet : bool
        Show nothing.
    """
    smoothed: list[float] = []

    def loss_of(progress: Progress) -> float:
        last = smoothed.pop() if smoothed else progress.loss
        smoothed.append(_SMOOTHING * last + (1 - _SMOOTHING) * progress.loss)
        return smoothed[0]

    if quiet:
        yield lambda progress: None
    elif not sys.stderr.isatty():
        yield _lines(batch, loss_of)
    else:
        with logging_redirect_tqdm([logger]), tqdm(unit="step", leave=False, smoothing=0.1) as bar:

            def show(progress: Progress) -> None:
                bar.total = progress.steps
                bar.set_postfix_str(f"{_rate(progress, batch)}, loss {loss_of(progress):.4f}", refresh=False)
                bar.update(progress.step - bar.n)

            yield show


def _lines(batch: int, loss_of: Callable[[Progress], float]) -> Listener:
    said = [0.0]

    def show(progress: Progress) -> None:
        loss = loss_of(progress)
        if progress.step != progress.steps and time.monotonic() - said[0] < SECONDS_BETWEEN_LINES:
            return
        said[0] = time.monotonic()
        logger.info(
            "step %d of %s, loss %.4f, %s%s",
            progress.step,
            progress.steps or "?",
            loss,
            _rate(progress, batch),
            _left(progress),
        )

    return show


def _rate(progress: Progress, batch: int) -> str:
    return f"{batch * progress.step / max(progress.seconds, 1e-9):.2f} pictures/s"


def _left(progress: Progress) -> str:
    if progress.steps is None:
        return ""
    left = (progress.steps - progress.step) * progress.seconds / progress.step
    return f", {left / 60:.1f} minutes left"
