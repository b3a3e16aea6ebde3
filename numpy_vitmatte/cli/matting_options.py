"""The options of matting that ``matte``, ``batch`` and ``trace`` share."""

import argparse
from pathlib import Path
from typing import Any

from numpy_vitmatte.cli.options import add_pixel_limit
from numpy_vitmatte.images.value_range import DEPTHS
from numpy_vitmatte.pipeline.options import MattingOptions
from numpy_vitmatte.processing.profiles import PROFILES
from numpy_vitmatte.runtime.precision import PRECISIONS


def add_sources(parser: argparse.ArgumentParser) -> None:
    """Add PHOTO and TRIMAP."""
    parser.add_argument("photo", metavar="PHOTO", type=Path, help="any image file; '-' is standard input")
    parser.add_argument("trimap", metavar="TRIMAP", type=Path, help="an image file of the same size, or '-'")


def add_mask_widths(making: Any) -> None:
    """Add --erode and --dilate, of a trimap that is made of a mask."""
    for name, where in (("erode", "into the foreground"), ("dilate", "into the background")):
        text = f"how far the unknown reaches {where} of a mask, in pixels or as a share (default: 2%%)"
        making.add_argument(f"--{name}", metavar="LENGTH", help=text)


def add_matting_options(parser: argparse.ArgumentParser, budget: str = "") -> None:
    """Add --profile, --raw, --max-side, --upscale, --max-memory, --depth, --precision and --max-pixels.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    budget : str
        What --max-memory counts, where that is more than one process.
    """
    add_profile(parser)
    parser.add_argument(
        "--raw",
        action="store_true",
        help="give the network's own values also where the trimap already knows the answer",
    )
    parser.add_argument(
        "--max-side",
        metavar="N",
        type=int,
        help="an approximation for big photos: compute at most N pixels a side, upsample the alpha by a guided filter",
    )
    parser.add_argument(
        "--upscale",
        metavar="F",
        type=float,
        help="for structure of one or two pixels: show the network the photo F times as large, 1.5 for example (2.3 "
        "times the work), and average its alpha",
    )
    parser.add_argument(
        "--max-memory", metavar="SIZE", help=f"the most memory to take, such as 2GB{budget}; default: no limit"
    )
    add_depth(parser)
    add_precision(parser)
    add_pixel_limit(parser)


def add_depth(parser: argparse.ArgumentParser) -> None:
    """Add --depth."""
    parser.add_argument(
        "--depth",
        metavar="BITS",
        type=int,
        choices=DEPTHS,
        help="bits of pictures in files of 16 that do not use all: 10, 12 or 14 (default: the largest value decides)",
    )


def add_precision(parser: argparse.ArgumentParser) -> None:
    """Add --precision."""
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="of products: float32, two bfloat16 numbers for each, or one, which is faster where the processor has "
        "fast instructions for it (default: NUMPY_VITMATTE_PRECISION, or highest)",
    )


def matting_options(arguments: argparse.Namespace) -> MattingOptions:
    """Collect what :func:`add_matting_options` added, as :func:`~numpy_vitmatte.matte` takes it."""
    return MattingOptions(
        profile=arguments.profile,
        raw=arguments.raw,
        max_side=arguments.max_side,
        upscale=arguments.upscale,
        max_memory=arguments.max_memory,
        erode=arguments.erode,
        dilate=arguments.dilate,
        depth=arguments.depth,
        precision=arguments.precision,
    )


def add_profile(parser: argparse.ArgumentParser) -> None:
    """Add --profile."""
    parser.add_argument(
        "--profile",
        choices=PROFILES,
        default="hf",
        help="whose preprocessing: what the checkpoint's file says, or the authors' own (default: %(default)s)",
    )
