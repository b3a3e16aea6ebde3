"""Compile every kernel ahead of its first use, for example while a container is built."""

from importlib.util import find_spec

import numpy as np

from numpy_vitmatte.matting import pymatting_kernels
from numpy_vitmatte.matting.foreground import estimate_foreground
from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.pipeline.photo_to_alpha import DEFAULT_MODEL, matte
from numpy_vitmatte.runtime.jit import kernels_compiled


def warmup() -> int:
    """Run every kernel once, on a photo of 64 x 64 pixels; pymatting's too, if it is installed.

    Machine code does not depend on the checkpoint nor on the size of a photo. It is kept in a folder of the user's
    cache, or of ``NUMBA_CACHE_DIR``, and only processors of the same kind can use it.

    Returns
    -------
    int
        How many kernels this process had to compile; 0 if the folder held them all.
    """
    before = kernels_compiled() + pymatting_kernels.kernels_compiled()
    photo, trimap = run_kernels()
    if find_spec("pymatting") is not None:
        estimate_foreground(photo, trimap / np.float32(255))
    return kernels_compiled() + pymatting_kernels.kernels_compiled() - before


def run_kernels() -> tuple[np.ndarray, np.ndarray]:
    """Run every kernel of this package once, in the precision that ``NUMPY_VITMATTE_PRECISION`` asks for.

    Returns
    -------
    uint8 arrays (64, 64, 3) and (64, 64)
        The photo and trimap that they were run on.
    """
    photo = np.zeros((64, 64, 3), np.uint8)
    trimap = np.full((64, 64), 128, np.uint8)
    trimap[:8], trimap[-8:] = 0, 255
    matte(photo, trimap, DEFAULT_MODEL)
    model = VitMatteForImageMatting.from_pretrained(DEFAULT_MODEL)
    model(np.zeros((1, 4, 64, 64), np.float32), output_attentions=True, output_hidden_states=True)
    return photo, trimap
