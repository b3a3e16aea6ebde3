"""What every competitor gets: a checkpoint, and a photo with a trimap of a given size."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter, ImageOps

import numpy_vitmatte
from numpy_vitmatte import VitMatteConfig, VitMatteForImageMatting, VitMatteImageProcessor

DEMO = Path(numpy_vitmatte.__file__).parent / "demo"

# ViTMatte-S with logits of a few units; the usual fresh weights give alphas of 0.5, which would hide a wrong result.
LIVELY = replace(VitMatteConfig(), initializer_range=0.2)


def put_checkpoint(folder: Path, given: Path | None) -> None:
    """Put the `given` checkpoint, or a ViTMatte-S of random weights, at ``folder/checkpoint``."""
    if given is not None:
        (folder / "checkpoint").symlink_to(given.resolve())
        return
    VitMatteForImageMatting.from_config(LIVELY, seed=0).save_pretrained(folder / "checkpoint")
    VitMatteImageProcessor().save_pretrained(folder / "checkpoint")


def new_task(folder: Path, name: str) -> Path:
    """A folder for one size, with the checkpoint."""
    task = folder / name
    task.mkdir()
    (task / "checkpoint").symlink_to(os.path.realpath(folder / "checkpoint"))
    return task


def put_pixel_values(task: Path, height: int, width: int) -> None:
    """Noise of the scale of a normalized picture: the work does not depend on the values."""
    pixel_values = np.random.default_rng(0).standard_normal((1, 4, height, width), dtype=np.float32)
    np.save(task / "pixel_values.npy", pixel_values)


def put_photo(task: Path, height: int, width: int, unknown: float) -> float:
    """Enlarge and crop the demo photo, its head kept; widen the trimap's band.

    Returns
    -------
    float
        The share of unknown pixels: `unknown` or a little more.
    """
    size, top = (width, height), (0.5, 0.0)
    photo = ImageOps.fit(Image.open(DEMO / "photo.jpg"), size, Image.Resampling.BICUBIC, centering=top)
    trimap = ImageOps.fit(Image.open(DEMO / "trimap.png").convert("L"), size, Image.Resampling.NEAREST, centering=top)
    band = trimap.point([255 * (0 < level < 255) for level in range(256)])
    while (share := float(np.mean(np.asarray(band) > 0))) < unknown:
        band = band.filter(ImageFilter.MaxFilter(3))  # one pixel wider to each side
    trimap.paste(128, mask=band)
    photo.save(task / "photo.png")
    trimap.save(task / "trimap.png")
    return share
