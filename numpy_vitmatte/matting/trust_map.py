"""A map of where an alpha deserves a second look: the network against the trimap, and itself on a mirrored photo.

The network is trained to repeat the known pixels of a trimap. Where its own value contradicts one, the trimap is
probably drawn wrong there. And it has no reason to prefer left to right: where a mirrored photo gets another alpha, it
is guessing. Neither finds every error: a guess that comes out the same twice stays unseen.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.errors import ImageError
from numpy_vitmatte.images.value_range import to_integers
from numpy_vitmatte.trimaps.reading import FOREGROUND, UNKNOWN

_WRONG, _UNSURE = 0.5, 0.1
"""The summary counts known pixels that the network puts on the other side, and alphas that visibly change."""


@dataclass(frozen=True)
class TrustMap:
    """Doubts about an alpha, pixel by pixel: 0 is no doubt, 1 the largest.

    Attributes
    ----------
    contradiction : (H, W) float32 array
        Known pixels: how far the network's own value is from what the trimap says. Unknown pixels: 0.
    disagreement : (H, W) float32 array
        Unknown pixels: how far the alphas of the photo and of its mirror image differ. Known pixels: 0.
    unknown : (H, W) bool array
        Where the trimap says nothing.
    """

    contradiction: NDArray[np.float32]
    disagreement: NDArray[np.float32]
    unknown: NDArray[np.bool_]

    def picture(self) -> NDArray[np.uint8]:
        """Show both doubts as colors on black: red for a contradicted trimap, cyan where the mirrored photo differs.

        Returns
        -------
        (H, W, 3) uint8 array
            Red is 255 times the contradiction; green and blue are 255 times the disagreement.
        """
        cyan = to_integers(self.disagreement)
        return np.dstack([to_integers(self.contradiction), cyan, cyan])

    def lines(self) -> list[str]:
        """Return the map in words, a line each."""
        lines = []
        if self.unknown.any():
            differences = self.disagreement[self.unknown]
            lines.append(
                f"trust: a mirrored photo changes the unknown alpha by {differences.mean():.3f} on average, by more "
                f"than {_UNSURE} in {np.mean(differences > _UNSURE):.1%} of it"
            )
        wrong = int(np.count_nonzero(self.contradiction > _WRONG))
        if wrong:
            lines.append(
                f"warning: the network contradicts {wrong} known pixels by more than {_WRONG}: the trimap is probably "
                "drawn wrong there"
            )
        return lines


def trust_map(
    raw: NDArray[np.floating[Any]], mirrored: NDArray[np.floating[Any]], trimap: NDArray[np.uint8]
) -> TrustMap:
    """Compare the network's own values with a trimap and with a second opinion.

    Parameters
    ----------
    raw : (H, W) float array
        The network's values in [0, 1], also where the trimap knows the answer.
    mirrored : (H, W) float array
        Its values for the mirrored photo, mirrored back.
    trimap : (H, W) uint8 array
        0, 128 and 255.

    Returns
    -------
    TrustMap

    Raises
    ------
    ImageError
        If the sizes differ.
    """
    if not raw.shape == mirrored.shape == trimap.shape:
        raise ImageError(
            f"alphas have shapes {raw.shape} and {mirrored.shape}, the trimap {trimap.shape}; expected one and the same"
        )
    unknown = trimap == UNKNOWN
    said = (trimap == FOREGROUND).astype(np.float32)
    contradiction = np.where(unknown, np.float32(0), np.abs(raw - said)).astype(np.float32)
    disagreement = np.where(unknown, np.abs(raw - mirrored), np.float32(0)).astype(np.float32)
    return TrustMap(contradiction, disagreement, unknown)
