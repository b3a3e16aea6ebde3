"""Trimaps made of masks, and trimaps examined, on a lane."""

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from numpy_vitmatte.errors import VitMatteError, collected_warnings
from numpy_vitmatte.serve.budget import JobBudget
from numpy_vitmatte.serve.fields import TrimapFields
from numpy_vitmatte.serve.problems import too_large, unusable
from numpy_vitmatte.serve.report import diagnosis_entry, trimap_entry
from numpy_vitmatte.trimaps.doctor import check_trimap
from numpy_vitmatte.trimaps.from_mask import trimap_from_mask
from numpy_vitmatte.trimaps.reading import read_trimap


def trimap_of_mask(mask: Image.Image, options: dict[str, Any]) -> tuple[NDArray[np.uint8], list[str]]:
    """Make a trimap, and give the warnings to the client instead of the log.

    Returns
    -------
    trimap : (H, W) uint8 array
    warnings : list of str

    Raises
    ------
    VitMatteError
    """
    with collected_warnings() as caught:
        trimap = trimap_from_mask(mask, **options)
    return trimap, caught


@dataclass(frozen=True)
class TrimapJob:
    """A job about a trimap, with every upload opened by its header.

    Attributes
    ----------
    fields : TrimapFields
    images : dict of str to PIL.Image.Image
        "mask", or "trimap" and perhaps "image".
    budget : JobBudget or None
        What it may take; None: no limit.
    """

    fields: TrimapFields
    images: dict[str, Image.Image]
    budget: JobBudget | None

    def run(self, _: threading.Event) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Make or examine the trimap.

        Returns
        -------
        trimap : (H, W) uint8 array
            New, or repaired.
        report : dict
            Values that JSON knows.

        Raises
        ------
        Problem
        """
        if self.budget is not None:
            for image in self.images.values():
                self.budget.require_trimap(image, made=True)
        try:
            if self.fields.check:
                diagnosis = check_trimap(self.images["trimap"], self.images.get("image"))
                misfits = [finding for finding in diagnosis.remaining if finding.kind == "size"]
                if self.fields.repair and misfits:
                    raise VitMatteError(f"trimap cannot be repaired: {misfits[0].message}")
                return diagnosis.trimap, diagnosis_entry(diagnosis)
            names = ("erode", "dilate", "background", "foreground")
            options = {name: value for name in names if (value := getattr(self.fields, name)) is not None}
            trimap, caught = trimap_of_mask(self.images["mask"], options)
        except MemoryError:
            raise too_large("not enough memory for a picture of this size") from None
        except VitMatteError as error:
            raise unusable(error) from error
        height, width = trimap.shape
        entry = trimap_entry(read_trimap(trimap)[1])
        return trimap, {"width": width, "height": height, "trimap": entry, "warnings": caught}
