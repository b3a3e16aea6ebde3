"""Draw ``rounding.png``, where in an alpha each rounded part of the network shows: ``python docs/images/rounding.py``.

Each map shows how far the alpha of the demo photo moves from float32, in the photo's lower right quarter and on one
logarithmic scale. The numbers are those of ``docs/benchmarks/rounding.py``.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from numpy_vitmatte.network import forward
from numpy_vitmatte.network.precision import in_tiles, with_weights

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "benchmarks"))
from rounding import bundled, mixtures  # noqa: E402

SIZE, COLUMNS, GAP, LABEL = 240, 3, 8, 16
FAINTEST, DECADES = 1e-5, 3.0
"""The difference that is drawn white, and how many powers of ten lie between white and black."""


def panels() -> Iterator[tuple[str, np.ndarray]]:
    """The alpha, then the maps of differences, each with its caption: (H, W) from 0 to 1."""
    network, image, unknown = bundled()
    exact = forward(image, network)
    height, width = (np.flatnonzero(unknown.any(axis)).max() + 1 for axis in (1, 0))
    yield "alpha in float32", exact[:height, :width]
    mixed = list(mixtures(network, in_tiles(network, np.int16, np.int16)))
    mixed += [("*medium*, in tiles", with_weights(network, np.int16)), ("*high*", with_weights(network, np.int32))]
    for name, other in mixed:
        moved = np.where(unknown, np.abs(forward(image, other) - exact), 0)[:height, :width]
        caption = f"{name.replace('*', '').replace('-resolution', '')}: {moved.max():.0e}"
        yield caption, darkness(moved)


def darkness(moved: np.ndarray) -> np.ndarray:
    """1, white, for differences up to ``FAINTEST``; 0, black, for those ``DECADES`` powers of ten larger."""
    return 1 - np.clip(np.log10(np.maximum(moved, FAINTEST) / FAINTEST) / DECADES, 0, 1)


def draw() -> Image.Image:
    """The panels row by row, captions above."""
    every = list(panels())
    rows = -(-len(every) // COLUMNS)
    sheet = Image.new("L", (COLUMNS * (SIZE + GAP) - GAP, rows * (SIZE + LABEL + GAP) - GAP), 255)
    for number, (caption, values) in enumerate(every):
        row, column = divmod(number, COLUMNS)
        left, top = column * (SIZE + GAP), row * (SIZE + LABEL + GAP)
        quarter = np.rint(values[-SIZE:, -SIZE:] * 255).astype(np.uint8)
        ImageDraw.Draw(sheet).text((left, top + 2), caption, fill=0)
        sheet.paste(Image.fromarray(quarter), (left, top + LABEL))
    return sheet


if __name__ == "__main__":
    draw().quantize(32).save(HERE / "rounding.png", optimize=True)
