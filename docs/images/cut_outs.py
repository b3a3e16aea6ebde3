"""Make ``cut-out.jpg``, ``trust.png`` and ``side-by-side.jpg``: ``python docs/images/cut_outs.py``."""

from pathlib import Path

import numpy as np
from PIL import Image

from numpy_vitmatte import composite, estimate_foreground, matte_with_report, matte_with_trust
from numpy_vitmatte.matting.composite import side_by_side

HERE = Path(__file__).resolve().parent
DEMO = HERE.parents[1] / "numpy_vitmatte" / "demo"
CROP, ZOOM = np.s_[5:135, 145:315], 2
COLORS = ((255, 255, 255), (20, 90, 160))
WRONG = ((np.s_[330:400, 60:100], 0), (np.s_[60:110, 60:110], 255))
"""Where the trimap is drawn wrong: a piece of the suit as background, a piece of the wall as foreground."""


def cut_out() -> None:
    """The hair over two colors: above as the photo has it, below with estimated colors."""
    result = matte_with_report(DEMO / "photo.jpg", DEMO / "trimap.png")
    rows = [
        np.concatenate([composite(colors, result.alpha, color)[CROP] for color in COLORS], axis=1)
        for colors in (result.photo, estimate_foreground(result.photo, result.alpha))
    ]
    picture = Image.fromarray(np.concatenate(rows))
    large = picture.resize((picture.width * ZOOM, picture.height * ZOOM), Image.Resampling.NEAREST)
    large.save(HERE / "cut-out.jpg", quality=90, subsampling=0)


def trust() -> None:
    """A trimap with two wrong patches beside its trust map."""
    trimap = np.array(Image.open(DEMO / "trimap.png"))
    for patch, claimed in WRONG:
        trimap[patch] = claimed
    _, trust_map = matte_with_trust(DEMO / "photo.jpg", trimap)
    panels = [np.repeat(trimap[..., None], 3, axis=-1), trust_map.picture()]
    Image.fromarray(np.concatenate(panels, axis=1)).save(HERE / "trust.png", optimize=True)


def demo() -> None:
    """The picture of ``numpy-vitmatte demo``, at half its size."""
    result = matte_with_report(DEMO / "lemur.jpg", DEMO / "lemur-trimap.png")
    picture = Image.fromarray(side_by_side(result.photo, result.trimap, result.alpha))
    picture.reduce(2).save(HERE / "side-by-side.jpg", quality=88, optimize=True)


if __name__ == "__main__":
    cut_out()
    trust()
    demo()
