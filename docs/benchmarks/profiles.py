"""How far the profiles hf and hustvl differ: ``python docs/benchmarks/profiles.py [--model NAME|DIR]``.

Prints a table of differences between alphas of the demo photo, over the unknown region: all of the authors'
preprocessing against the checkpoint's own, and each of its three parts alone.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import numpy_vitmatte
from numpy_vitmatte import HustvlImageProcessor, VitMatteForImageMatting, VitMatteImageProcessor, matte
from numpy_vitmatte.processing import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from numpy_vitmatte.processing.hustvl import padded_together, three_values
from numpy_vitmatte.processing.pixel_values import network_image

DEMO = Path(numpy_vitmatte.__file__).parent / "demo"
SIZES = ((512, 512), (512, 500), (500, 500))


class HalfForUnknown(VitMatteImageProcessor):
    """Only the trimap's three values as the authors have them."""

    def _network_image(
        self, photo: NDArray[Any], trimap: NDArray[Any], settings: Mapping[str, Any]
    ) -> NDArray[np.float32]:
        image = network_image(photo, trimap, settings)
        image[..., 3] = three_values(image[..., 3])
        return image


class BothAxesPadded(VitMatteImageProcessor):
    """Only the padding as the authors have it."""

    def _network_image(
        self, photo: NDArray[Any], trimap: NDArray[Any], settings: Mapping[str, Any]
    ) -> NDArray[np.float32]:
        return padded_together(network_image(photo, trimap, {**settings, "do_pad": False}), settings["size_divisor"])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", metavar="NAME|DIR", default="vitmatte-tiny")
    model = VitMatteForImageMatting.from_pretrained(parser.parse_args().model)
    own = VitMatteImageProcessor.from_pretrained(model.directory)
    settings = {key: value for key, value in own.to_dict().items() if key != "image_processor_type"}
    imagenet = {**settings, "image_mean": IMAGENET_DEFAULT_MEAN, "image_std": IMAGENET_DEFAULT_STD}
    parts = {
        "profile hustvl": HustvlImageProcessor(),
        "only its mean and deviation": VitMatteImageProcessor(**imagenet),
        "only its 0.5 for unknown": HalfForUnknown(**settings),
        "only its padding": BothAxesPadded(**settings),
    }
    photo, trimap = np.array(Image.open(DEMO / "photo.jpg")), np.array(Image.open(DEMO / "trimap.png"))
    print("| height x width | against hf | mean | 99 of 100 below | largest |")
    print("|---|---|---|---|---|")
    for height, width in SIZES:
        crop = photo[:height, :width], trimap[:height, :width]
        as_file_says = matte(*crop, model)
        for name, processor in parts.items():
            difference = np.abs(matte(*crop, model, processor=processor) - as_file_says)[crop[1] == 128]
            print(
                f"| {height} x {width} | {name} | {difference.mean():.4f} | {np.quantile(difference, 0.99):.3f} "
                f"| {difference.max():.3f} |"
            )


if __name__ == "__main__":
    main()
