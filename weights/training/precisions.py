"""What bfloat16 products cost on pictures of known alpha: `python -m training.precisions material.zip`.

The bundled network sees the pictures of `validate.py`. Rounding and splitting are those of `numpy_vitmatte`; where the
processor lacks an instruction, the same products are computed in software.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from numpy_vitmatte import VitMatteForImageMatting, VitMatteImageProcessor
from numpy_vitmatte.network import forward
from numpy_vitmatte.network.parameters import NetworkParameters
from numpy_vitmatte.network.precision import with_weights

from .compose import Sample
from .scenes import SCENES
from .validate import errors
from .validation_set import set_of_scenes, validation_set

WEIGHTS = {
    "highest": np.float32,
    "high, in tiles": np.int32,
    "medium, in pairs": np.uint16,
    "medium, in tiles": np.int16,
}
"""How the weights of each precision are kept, which chooses the products."""


def networks(folder: str) -> dict[str, NetworkParameters]:
    """The network in each precision."""
    exact = VitMatteForImageMatting.from_pretrained(folder).network("highest")
    return {name: exact if kind == np.float32 else with_weights(exact, kind) for name, kind in WEIGHTS.items()}


def alpha_of(sample: Sample, network: NetworkParameters, processor: VitMatteImageProcessor) -> np.ndarray:
    """The alpha of one picture, clipped to its size."""
    pixels = processor(images=sample.image, trimaps=sample.trimap)["pixel_values"][0]
    alpha = forward(np.ascontiguousarray(pixels.transpose(1, 2, 0)), network)
    return alpha[: sample.trimap.shape[0], : sample.trimap.shape[1]]


def table(samples: list[Sample], folder: str) -> Iterator[str]:
    """Rows of a Markdown table: differences from *highest* in unknown pixels, MSE and SAD, and their changes."""
    processor, every = VitMatteImageProcessor.from_pretrained(folder), networks(folder)
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in every}
    for sample in samples:
        unknown = sample.trimap == 128
        exact = alpha_of(sample, every["highest"], processor)
        for name, network in every.items():
            alpha = exact if name == "highest" else alpha_of(sample, network, processor)
            moved, scores = np.abs(alpha - exact)[unknown], errors(alpha, sample)
            found[name].append((float(moved.mean()), float(moved.max()), scores["MSE"], scores["SAD"]))
    yield "| precision | mean difference | largest | MSE | change | SAD | change |\n|---|---|---|---|---|---|---|"
    _, _, squares, absolute = np.mean(found["highest"], 0)
    for name, rows in found.items():
        mean, _, mse, sad = np.mean(rows, 0)
        changes = f"{mse:.5f} | {mse / squares - 1:+.3%} | {sad:.4f} | {sad / absolute - 1:+.3%}"
        yield f"| *{name}* | {mean:.1e} | {max(row[1] for row in rows):.1e} | {changes} |"


def main() -> None:
    """Print one table for `compose`'s pictures and one for the scenes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("material", type=Path)
    parser.add_argument("folder", nargs="?", default="vitmatte-tiny", help="weights folder")
    parser.add_argument("--count", type=int, default=60, help="pictures drawn by `compose`")
    parser.add_argument("--per-scene", type=int, default=20, help="pictures of each scene")
    args = parser.parse_args()
    sets = {
        "As `compose` draws them": validation_set(args.material, args.count, 320),
        "Scenes": set_of_scenes(args.material, list(SCENES), args.per_scene, 320),
    }
    for name, samples in sets.items():
        chosen = list(samples)
        print(f"{name}, {len(chosen)} pictures\n", *table(chosen, args.folder), "", sep="\n", flush=True)


if __name__ == "__main__":
    main()
