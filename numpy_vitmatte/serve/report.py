"""The report that comes with a picture: how its trimap was understood, what was computed, what it took."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from numpy_vitmatte.trimaps.findings import TrimapDiagnosis
from numpy_vitmatte.trimaps.reading import TrimapReport

HEADER = "X-Matting-Report"


class StepTimes:
    """Seconds of the steps of a job, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure a block."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(time.perf_counter() - began, 4)


def trimap_entry(report: TrimapReport) -> dict[str, Any]:
    """Return a trimap's report with its sentences, for JSON."""
    return asdict(report) | {"lines": report.lines()}


def diagnosis_entry(diagnosis: TrimapDiagnosis) -> dict[str, Any]:
    """Return a trimap's examination, for JSON."""
    height, width = diagnosis.trimap.shape
    return {
        "width": width,
        "height": height,
        "trimap": trimap_entry(diagnosis.report),
        "findings": [asdict(finding) for finding in diagnosis.findings],
        "lines": diagnosis.lines(),
    }


def as_json(report: dict[str, Any]) -> str:
    """Return a report on one line, in ASCII, as a header must be."""
    return json.dumps(report, ensure_ascii=True, allow_nan=False)
