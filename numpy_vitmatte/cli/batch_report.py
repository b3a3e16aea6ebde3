"""The output of ``numpy-vitmatte batch``: paths or JSON lines, a progress bar, and at the end what went wrong."""

import json
import sys
import time
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from numpy_vitmatte.batch.job import Outcome
from numpy_vitmatte.batch.plan import Plan
from numpy_vitmatte.cli.messages import logger


class BatchReport:
    """The report of one run. It is a context, so that the progress bar is removed whatever happens.

    Parameters
    ----------
    plan : Plan
    finished : int
        Number of its jobs that an earlier run has done.
    as_json : bool
        Print a JSON object a line to stdout instead of the paths of the alphas.
    quiet : bool
        Show no progress bar. Without a terminal there is none anyway.
    """

    def __init__(self, plan: Plan, finished: int, as_json: bool, quiet: bool) -> None:
        self.plan, self.finished, self.as_json, self.quiet = plan, finished, as_json, quiet
        self.failures = dict(plan.problems)
        self.done = 0
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Say what is to be done, and show the progress bar."""
        self.started = time.perf_counter()
        for path in self.plan.left_out:
            logger.debug("%s is skipped: its ending is not that of an image", path)
        if self.finished:
            logger.info("%d of %d alphas are finished already", self.finished, len(self.plan.jobs))
        self._open.enter_context(logging_redirect_tqdm([logger]))
        self.bar = self._open.enter_context(
            tqdm(
                total=len(self.plan.jobs),
                initial=self.finished,
                unit="photo",
                disable=True if self.quiet else None,  # None: where stderr is no terminal
            )
        )
        self._print_json("start", photos=len(self.plan.jobs), finished_before=self.finished)
        for stem, error in self.plan.problems.items():
            self._print_json("photo", stem=stem, status="failed", error=error)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Remove the progress bar. If the run was not interrupted, also print the summary."""
        self._open.close()
        if kind is None:
            self._summary()

    def add(self, outcome: Outcome) -> None:
        """Report the outcome of one photo."""
        job = outcome.job
        if outcome.error is None:
            self.done += 1
        else:
            self.failures[job.stem] = outcome.error
        self._print_json(
            "photo",
            stem=job.stem,
            status="done" if outcome.error is None else "failed",
            error=outcome.error,
            photo=str(job.photo),
            trimap=str(job.trimap),
            output=str(job.output) if outcome.error is None else None,
            seconds=round(outcome.seconds, 3),
            warnings=outcome.warnings,
        )
        if outcome.error is None and not self.as_json:
            self._print(str(job.output))
        for warning in outcome.warnings:
            logger.warning("%s: warning: %s", job.stem, warning)
        self.bar.update()

    def status(self) -> int:
        """Return the exit status: 1 if a photo has no alpha, else 0."""
        return 1 if self.failures else 0

    def _summary(self) -> None:
        seconds = time.perf_counter() - self.started
        self._print_json(
            "end", done=self.done, finished_before=self.finished, failed=len(self.failures), seconds=round(seconds, 3)
        )
        logger.info("%d alphas in %.1f s", self.done, seconds)
        if self.failures:
            stems = {job.stem for job in self.plan.jobs} | self.plan.problems.keys()
            logger.error("%d of %d have no alpha:", len(self.failures), len(stems))
            for stem, error in sorted(self.failures.items()):
                logger.error("  %s: %s", stem, error)

    def _print_json(self, event: str, **values: Any) -> None:
        if self.as_json:
            self._print(json.dumps({"event": event, **values}))

    def _print(self, line: str) -> None:
        # tqdm removes the bar for a moment, so that line and bar do not run into each other on one terminal.
        tqdm.write(line, file=sys.stdout)
        sys.stdout.flush()  # whoever follows the log sees every photo at once
