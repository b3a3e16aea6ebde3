"""Contact sheets: photo, trimap, alpha, cut-out on two colours (and the true alpha where there is one).

`python -m training.sheets weights_folder out.png --material material.zip` for validation samples and scenes,
`--photo photo.jpg trimap.png` (repeatable) for real ones.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from .infer import predict
from .network import build
from .scenes import SCENES
from .validation_set import set_of_scenes, validation_set

COLOURS = ((40, 160, 60), (240, 240, 240))


def cut_out(image: np.ndarray, alpha: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """The photo over a plain colour. The foreground colour is the photo's own: fringes show what is left to clean."""
    return np.rint(image * alpha[..., None] + np.array(colour) * (1 - alpha[..., None])).astype(np.uint8)


def row(image: np.ndarray, trimap: np.ndarray, alpha: np.ndarray, truth: np.ndarray | None) -> np.ndarray:
    """One line of the sheet, (H, n * W, 3) uint8."""
    grey = [trimap, np.rint(np.clip(alpha, 0, 1) * 255).astype(np.uint8)] + ([] if truth is None else [truth])
    panels = [image, *(np.repeat(g[..., None], 3, 2) for g in grey)]
    return np.hstack([*panels, *(cut_out(image, np.clip(alpha, 0, 1), colour) for colour in COLOURS)])


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--material", type=Path)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--per-scene", type=int, default=3, help="scenes of each kind")
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--photo", nargs=2, action="append", default=[], metavar=("PHOTO", "TRIMAP"))
    args = parser.parse_args()

    model, rows = build(args.weights), []
    for photo, drawn in args.photo:
        image, trimap = np.asarray(Image.open(photo).convert("RGB")), np.asarray(Image.open(drawn).convert("L"))
        trimap = np.where(trimap < 64, 0, np.where(trimap > 191, 255, 128)).astype(np.uint8)
        rows.append(row(image, trimap, predict(model, image, trimap), None))
    if args.material:
        samples = validation_set(args.material, args.count, args.size)
        for sample in (*samples, *set_of_scenes(args.material, list(SCENES), args.per_scene, args.size)):
            alpha = predict(model, sample.image, sample.trimap)
            rows.append(row(sample.image, sample.trimap, alpha, sample.alpha))
    width = max(line.shape[1] for line in rows)
    Image.fromarray(np.vstack([np.pad(r, ((0, 0), (0, width - r.shape[1]), (0, 0))) for r in rows])).save(args.output)


if __name__ == "__main__":
    main()
