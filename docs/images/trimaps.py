"""Draw the pictures of ``docs/trimaps.md`` from the bundled trimap: ``python docs/images/trimaps.py``."""

from pathlib import Path

import numpy as np
from PIL import Image

from numpy_vitmatte import check_trimap, read_trimap, trimap_from_mask
from numpy_vitmatte.kernels.distance import squared_distance_to

HERE = Path(__file__).resolve().parent
TRIMAP = read_trimap(HERE.parent.parent / "numpy_vitmatte/demo/trimap.png")[0]
MIDDLE_OF_THE_BAND = squared_distance_to(TRIMAP == 255) < squared_distance_to(TRIMAP == 0)
GAP = 8


def row(panels: list[np.ndarray], name: str, factor: float = 0.5) -> None:
    """Save gray panels side by side on white."""
    resample = Image.Resampling.NEAREST if factor >= 1 else Image.Resampling.LANCZOS
    sized = [
        Image.fromarray(panel).resize((round(panel.shape[1] * factor), round(panel.shape[0] * factor)), resample)
        for panel in panels
    ]
    picture = Image.new("L", (sum(panel.width + GAP for panel in sized) - GAP, sized[0].height), 255)
    x = 0
    for panel in sized:
        picture.paste(panel, (x, 0))
        x += panel.width + GAP
    picture.save(HERE / name, optimize=True)


def from_the_frame(mask: np.ndarray, width: int) -> np.ndarray:
    """What comes of taking the frame for an edge of the subject, as rembg does: a gray border along it."""
    framed = np.pad(mask, 1)
    trimap = trimap_from_mask(framed, width, width)[1:-1, 1:-1]
    trimap[~mask] = trimap_from_mask(mask, width, width)[~mask]
    return trimap


def main() -> None:
    """Draw all of them."""
    mask = np.where(MIDDLE_OF_THE_BAND, 255, 0).astype(np.uint8)
    Image.fromarray(MIDDLE_OF_THE_BAND).save(HERE / "mask.png", optimize=True)
    row([mask, *(trimap_from_mask(mask, *widths) for widths in ((3, 3), ("2%", "2%"), (4, 30)))], "trimap-widths.png")
    row([trimap_from_mask(mask, 16, 16), from_the_frame(MIDDLE_OF_THE_BAND, 16)], "trimap-frame.png")
    Image.fromarray(TRIMAP).resize((300, 300), Image.Resampling.BILINEAR).save(HERE / "trimap-poor.jpg", quality=60)
    poor = np.asarray(Image.open(HERE / "trimap-poor.jpg"))
    corner = np.s_[60:124, 80:176]  # at the neck
    row([poor[corner], check_trimap(poor).trimap[corner]], "trimap-doctor.png", 4)


if __name__ == "__main__":
    main()
