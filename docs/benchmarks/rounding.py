"""What bfloat16 does to an alpha, part by part: ``python docs/benchmarks/rounding.py``.

Prints a table of differences from float32. The bundled network sees the demo photo, where only unknown pixels count;
ViTMatte-S has random weights and random pixels. It runs on every processor: one without instructions for bfloat16 gives
the same numbers, only not sooner.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

import numpy_vitmatte
from numpy_vitmatte import VitMatteConfig, VitMatteForImageMatting, VitMatteImageProcessor, matte
from numpy_vitmatte.network import forward
from numpy_vitmatte.network.parameters import BlockParameters, NetworkParameters
from numpy_vitmatte.network.precision import in_tiles, with_weights
from numpy_vitmatte.teaching.pictures import hairy_picture
from numpy_vitmatte.testing import random_checkpoint, random_pixels

DEMO = Path(numpy_vitmatte.__file__).parent / "demo"
STEP = 1 / 255


def main() -> None:
    """Print the table."""
    print("| rounded | bundled: largest | mean | over half a level | ViTMatte-S: largest | mean |")
    print("|---|---|---|---|---|---|")
    columns = [differences(*case) for case in (bundled(), random_small())]
    for (name, one), (_, other) in zip(*columns, strict=True):
        share = np.mean(one > STEP / 2)
        print(f"| {name} | {one.max():.1e} | {one.mean():.1e} | {share:.1%} | {other.max():.1e} | {other.mean():.1e} |")
    mean, squares, absolute = known_pictures(24)
    print(f"\n24 drawn pictures: mean {mean:.1e}, MSE {squares - 1:+.2%}, SAD {absolute - 1:+.2%}")


def known_pictures(count: int) -> tuple[float, float, float]:
    """How far *medium* moves an unknown pixel of drawn pictures, on average, and by what it multiplies MSE and SAD.

    Their true alphas are known. The whole pass runs in the precision that the processor gains from.
    """
    moved, squares, absolute = [], np.zeros(2), np.zeros(2)
    for seed in range(count):
        picture = hairy_picture(seed)
        unknown = picture.trimap == 128
        alphas = [matte(picture.photo, picture.trimap, precision=name)[unknown] for name in ("highest", "medium")]
        errors = [alpha - picture.alpha[unknown] for alpha in alphas]
        moved.append(np.abs(alphas[0] - alphas[1]).mean())
        squares += [np.mean(error**2) for error in errors]
        absolute += [np.abs(error).sum() for error in errors]
    return float(np.mean(moved)), squares[1] / squares[0], absolute[1] / absolute[0]


def bundled() -> tuple[NetworkParameters, np.ndarray, np.ndarray]:
    """The bundled network, the demo photo as it sees it, and the unknown pixels."""
    model = VitMatteForImageMatting.from_pretrained("vitmatte-tiny")
    photo, trimap = Image.open(DEMO / "photo.jpg"), np.array(Image.open(DEMO / "trimap.png").convert("L"))
    pixels = VitMatteImageProcessor.from_pretrained("vitmatte-tiny")(images=photo, trimaps=trimap)["pixel_values"]
    unknown = np.zeros(pixels.shape[2:], bool)
    unknown[: trimap.shape[0], : trimap.shape[1]] = (trimap > 0) & (trimap < 255)
    return model.network("highest"), channels_last(pixels), unknown


def random_small() -> tuple[NetworkParameters, np.ndarray, np.ndarray]:
    """ViTMatte-S with random weights, random pixels, all of them."""
    config = VitMatteConfig()
    network = VitMatteForImageMatting(config, random_checkpoint(config, seed=6)).network("highest")
    pixels = random_pixels(1, 4, 320, 448, seed=1)
    return network, channels_last(pixels), np.ones(pixels.shape[2:], bool)


def channels_last(pixels: np.ndarray) -> np.ndarray:
    """(1, 4, H, W) to (H, W, 4)."""
    return np.ascontiguousarray(pixels[0].transpose(1, 2, 0))


def differences(network: NetworkParameters, image: np.ndarray, counted: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """How far each counted pixel's alpha moves: everything rounded, each part of it alone, and the precisions."""
    exact, everything = forward(image, network), in_tiles(network, np.int16, np.int16)
    others = [("everything rounded", everything)]
    others += [(f"only {name}", mixed) for name, mixed in mixtures(network, everything)]
    others += [(f"all of {name}", with_weights(network, weights)) for name, weights in PRECISIONS.items()]
    for name, other in others:
        yield name, np.abs(forward(image, other) - exact)[counted]


PRECISIONS = {"*medium*, in pairs": np.uint16, "*medium*, in tiles": np.int16, "*high*, in tiles": np.int32}


def mixtures(exact: NetworkParameters, rounded: NetworkParameters) -> Iterator[tuple[str, NetworkParameters]]:
    """The network with one kind of layer taken from another."""
    for name, fields in (
        ("query, scores, sum of values", ["query", "rel_pos_h", "rel_pos_w", "dtype"]),
        ("keys and values", ["keys_values"]),
        ("output projection", ["proj"]),
    ):
        yield (
            name,
            with_blocks(
                exact,
                rounded,
                lambda own, other, fields=fields: own._replace(attention=taken(own.attention, other.attention, fields)),
            ),
        )
    for name, field in (("MLP", "mlp"), ("necks", "neck")):
        yield name, with_blocks(exact, rounded, lambda own, other, field=field: taken(own, other, [field]))
    for name, field in (("detail stream", "convstream"), ("head", "matting_head")):
        yield name, exact._replace(decoder=taken(exact.decoder, rounded.decoder, [field]))
    for name, half in (("fusion blocks' low-resolution half", "upsampled"), ("fusion blocks' detail half", "detail")):
        pairs = zip(exact.decoder.fusion_blocks, rounded.decoder.fusion_blocks, strict=True)
        blocks = tuple(taken(own, other, [half]) for own, other in pairs)
        yield name, exact._replace(decoder=exact.decoder._replace(fusion_blocks=blocks))


def with_blocks(
    exact: NetworkParameters,
    medium: NetworkParameters,
    mix: Callable[[BlockParameters, BlockParameters], BlockParameters],
) -> NetworkParameters:
    """Mix the transformer blocks of two networks."""
    pairs = zip(exact.backbone.blocks, medium.backbone.blocks, strict=True)
    return exact._replace(backbone=exact.backbone._replace(blocks=tuple(mix(*pair) for pair in pairs)))


def taken(own, other, fields: list[str]):
    """A named tuple with some fields of another."""
    return own._replace(**{field: getattr(other, field) for field in fields})


if __name__ == "__main__":
    main()
