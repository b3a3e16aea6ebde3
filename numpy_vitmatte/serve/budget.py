"""The budget of one job, and the cost of pictures: bytes per pixel, measured by the peaks of fresh processes."""

from typing import NamedTuple

from PIL import Image

from numpy_vitmatte.pipeline.memory import BACKGROUND_BYTES_PER_PIXEL, output_bytes_per_pixel
from numpy_vitmatte.serve.problems import too_large

_READ, _MADE = 24, 40
"""The cost of a trimap that is read, and of one examined or made of a mask; 22 and 36 with noise in four channels."""

_ENCODED = 5
"""The cost of a picture's file before it is sent, for noise in four channels, which compression only lengthens."""

_OUTSIDE = 44
"""The cost of a job that is not being computed: its photo, of 16 bits, is read, its trimap is made of a mask, or its
pictures are encoded one after the other."""

OUTSIDE_SHARE = 1 / 8
"""The part of the memory that is kept for jobs that are not being computed."""


class JobBudget(NamedTuple):
    """The memory that one job may take so that the process keeps its limit.

    Attributes
    ----------
    max_memory : int
        Bytes as :func:`~numpy_vitmatte.matte` counts them: with those of the process.
    job : int
        Bytes without those of the process.
    outside : int
        Bytes for each of the jobs that are decoded or encoded while another one is computed.
    """

    max_memory: int
    job: int
    outside: int

    def overlaps(self, pixels: int) -> bool:
        """Say whether pictures of so many pixels may be decoded and encoded while other ones are computed."""
        return _OUTSIDE * pixels <= self.outside

    def require_trimap(self, trimap: Image.Image, *, made: bool) -> None:
        """Refuse a trimap or mask by its header.

        Parameters
        ----------
        trimap : PIL.Image.Image
        made : bool
            A trimap is made of it, or it is examined; otherwise it is read.

        Raises
        ------
        Problem
            413.
        """
        each = _MADE if made else _READ
        self._require(each * trimap.width * trimap.height, f"a trimap of {trimap.width} x {trimap.height} pixels")

    def require_pictures(
        self, photo: Image.Image, beside: int, *, composite: bool, estimated: bool, linear: bool
    ) -> None:
        """Refuse pictures made of a photo by its header.

        Parameters
        ----------
        photo : PIL.Image.Image
        beside : int
            Bytes that are held as well.
        composite, estimated, linear : bool
            See :func:`~numpy_vitmatte.pipeline.memory.output_bytes_per_pixel`.

        Raises
        ------
        Problem
            413.
        """
        each = output_bytes_per_pixel(composite=composite, estimated=estimated, linear=linear) + _ENCODED
        what = f"what is made of a photo of {photo.width} x {photo.height} pixels"
        self._require(each * photo.width * photo.height + beside, what)

    def _require(self, needed: int, what: str) -> None:
        if needed > self.job:
            found = f"{what} takes {-(-needed // 1_000_000)}MB of memory"
            raise too_large(f"{found}, and {self.job // 1_000_000}MB are left for it; scale the picture down")


def background_bytes(background: Image.Image | None) -> int:
    """Return the bytes of an uploaded background while the rest is done."""
    return 0 if background is None else BACKGROUND_BYTES_PER_PIXEL * background.width * background.height
