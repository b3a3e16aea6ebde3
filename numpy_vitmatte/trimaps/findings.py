"""The trimap doctor's findings, and what can be done about each."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.trimaps.reading import TrimapReport


@dataclass(frozen=True)
class Finding:
    """One thing about a trimap that is not as it should be.

    Attributes
    ----------
    kind : str
        ``"form"``, ``"orientation"``, ``"scale"``, ``"levels"``, ``"noise"``, ``"soft edges"``, ``"in-between gray"``,
        ``"classes"``, ``"unknown share"`` or ``"size"``.
    message : str
        It says what was found, and what was expected or follows from it.
    repaired : bool
        Whether the repaired trimap is free of it. The others need a person.
    """

    kind: str
    message: str
    repaired: bool

    def __str__(self) -> str:
        """Return the finding on one line."""
        return f"{self.kind}: {self.message}"


@dataclass(frozen=True)
class TrimapDiagnosis:
    """A trimap's examination.

    Attributes
    ----------
    trimap : (H, W) uint8 array
        Repaired as far as possible: 0, 128 and 255, and the photo's size where the sizes can be made to fit.
    report : TrimapReport
        How it was read, before it was fitted to the photo.
    findings : tuple of Finding
        Empty if nothing is wrong.
    """

    trimap: NDArray[np.uint8]
    report: TrimapReport
    findings: tuple[Finding, ...]

    @property
    def remaining(self) -> tuple[Finding, ...]:
        """The findings that no repair takes away."""
        return tuple(finding for finding in self.findings if not finding.repaired)

    def require_clean(self, what: str = "trimap") -> None:
        """Refuse a trimap in which anything was found.

        Parameters
        ----------
        what : str
            How the error names it.

        Raises
        ------
        ImageError
            Naming every finding.
        """
        if self.findings:
            raise ImageError(f"{what} is refused: {'; '.join(map(str, self.findings))}")

    def lines(self) -> list[str]:
        """Return the diagnosis in words, a line each."""
        lines = self.report.lines()[:1]
        for finding in self.findings:
            lines.append(f"{'can be repaired' if finding.repaired else 'needs a person'}: {finding}")
        return lines if self.findings else lines + ["nothing to repair"]
