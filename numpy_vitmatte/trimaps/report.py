"""What was understood of a trimap, for the person who made it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TrimapReport:
    """How a trimap was read.

    Attributes
    ----------
    understood_as : str
        Which channel was taken, and what its values were taken for.
    foreground, background, unknown : float
        Shares of the pixels, in [0, 1]; they add up to 1.
    snapped : int
        Pixels that were near 0, 128 or 255 but not there.
    between : int
        Pixels that were near none of the three and became unknown.
    warnings : tuple of str
        What is probably not as meant, a sentence each.
    """

    understood_as: str
    foreground: float
    background: float
    unknown: float
    snapped: int
    between: int
    warnings: tuple[str, ...]

    def lines(self) -> list[str]:
        """The report in words, a line each."""
        lines = [
            f"trimap: {self.understood_as}; {self.foreground:.1%} foreground, {self.background:.1%} background, "
            f"{self.unknown:.1%} unknown"
        ]
        if self.snapped or self.between:
            lines.append(
                f"trimap: {self.snapped} pixels near 0, 128 or 255 were moved there, {self.between} in between became "
                "unknown"
            )
        return lines + [f"warning: {warning}" for warning in self.warnings]
