"""``numpy-vitmatte trimap``: make a trimap from a mask, or examine and repair one."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.cli.matting_options import add_depth, add_mask_widths
from numpy_vitmatte.cli.messages import logger
from numpy_vitmatte.cli.one_line_parser import OneLineParser
from numpy_vitmatte.cli.options import add_output_options, add_pixel_limit
from numpy_vitmatte.cli.streams import is_stream, not_an_input, only_one_stream, read_source, write_stream
from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.images.writing import check_output, picture_writer, save_png
from numpy_vitmatte.trimaps.doctor import check_trimap
from numpy_vitmatte.trimaps.from_mask import BACKGROUND_UP_TO, FOREGROUND_FROM, WIDTH, trimap_from_mask
from numpy_vitmatte.trimaps.lengths import in_pixels
from numpy_vitmatte.trimaps.reading import read_trimap

DESCRIPTION = """Make a trimap from a mask, an alpha or a cut-out with transparency: its edge and its soft pixels
become unknown, with a band on both sides. The trimap's path goes to stdout.
With --check: examine a trimap, and with -o write it repaired. What was found goes to stdout; with -o, to stderr.
The exit status is then 0 if nothing is wrong, or if -o has repaired everything; 1 if something remains;
2 if the file is no trimap, or if --strict refused it."""

EXAMPLES = """examples:
  numpy-vitmatte trimap mask.png -o trimap.png --erode 10 --dilate 10
  numpy-vitmatte trimap cutout-of-another-tool.png -o trimap.png --erode 1% --dilate 3%
  numpy-vitmatte trimap --check trimap.jpg photo.jpg
  numpy-vitmatte trimap trimap.jpg --check photo.jpg -o repaired.png
  numpy-vitmatte trimap --check --strict trimap.png photo.jpg && echo fit for use
  segment photo.jpg | numpy-vitmatte trimap - -o - | numpy-vitmatte trimap --check - photo.jpg
"""


def add_options(parser: OneLineParser) -> None:
    """Add what the command takes."""
    parser.add_argument("mask", metavar="MASK", type=Path, help="a mask, or with --check a trimap; '-': standard input")
    parser.add_argument(
        "photo", metavar="PHOTO", type=Path, nargs="?", help="with --check: the photo that the trimap must fit, or '-'"
    )
    parser.add_argument(
        "-o", "--output", metavar="PNG", type=Path, help="where the trimap goes; '-' is standard output"
    )
    making = parser.add_argument_group("making (lengths in pixels, 10, or as a share of the shorter side, 2%)")
    add_mask_widths(making)
    for name, bound, default in (("background", "up to", BACKGROUND_UP_TO), ("foreground", "from", FOREGROUND_FROM)):
        text = f"mask values {bound} this, of 1, are surely {name} (default: {default:g})"
        making.add_argument(f"--{name}", metavar="VALUE", type=float, help=text)
    checking = parser.add_argument_group("checking")
    checking.add_argument("--check", action="store_true", help="examine a trimap")
    checking.add_argument("--strict", action="store_true", help="refuse a trimap in which anything is found")
    add_depth(parser)
    add_pixel_limit(parser)
    add_output_options(parser)
    parser.interleaved = True  # T.png --check PHOTO as well as --check T.png PHOTO


def run(arguments: argparse.Namespace) -> int:
    """Make or examine a trimap.

    Returns
    -------
    int
        The exit status.

    Raises
    ------
    VitMatteError
        Before anything is written.
    """
    making = ("erode", "dilate", "background", "foreground")
    given = {name: getattr(arguments, name) for name in making if getattr(arguments, name) is not None}
    sources = [path for path in (arguments.mask, arguments.photo) if path is not None]
    only_one_stream(sources, "input")
    _check_combinations(arguments, given)
    _check_output(arguments.output, sources, arguments.force)
    if arguments.check:
        return _examine(arguments)
    trimap = trimap_from_mask(read_source(arguments.mask, "mask"), **given, depth=arguments.depth)
    _write(arguments.output, trimap)
    widths = [in_pixels(given.get(name, WIDTH), trimap.shape, name) for name in ("erode", "dilate")]
    logger.debug("mask: %d x %d pixels, eroded by %g, dilated by %g", *reversed(trimap.shape), *widths)
    logger.info(read_trimap(trimap)[1].lines()[0])
    return 0


def _examine(arguments: argparse.Namespace) -> int:
    trimap, output = arguments.mask, arguments.output
    photo = None if arguments.photo is None else read_source(arguments.photo, "photo")
    diagnosis = check_trimap(read_source(trimap, "trimap"), photo, depth=arguments.depth)
    if arguments.strict:
        diagnosis.require_clean(f"trimap {str(trimap)!r}")
    if output is None:
        print(*diagnosis.lines(), sep="\n")
        return 1 if diagnosis.findings else 0
    misfit = [finding for finding in diagnosis.remaining if finding.kind == "size"]
    if misfit:
        raise VitMatteError(f"trimap {str(trimap)!r} cannot be repaired: {misfit[0].message}")
    _write(output, diagnosis.trimap)
    for line in diagnosis.lines():
        logger.info(line)
    return 1 if diagnosis.remaining else 0


def _check_combinations(arguments: argparse.Namespace, given: dict[str, Any]) -> None:
    """Refuse an option that would have no effect: the user meant it to have one."""
    if arguments.check and given:
        raise VitMatteError(f"--{next(iter(given))} is for making a trimap, not for --check")
    if not arguments.check:
        for name, there in (("PHOTO", arguments.photo is not None), ("--strict", arguments.strict)):
            if there:
                raise VitMatteError(f"{name} has no effect without --check; a trimap is made of a mask alone")
        if arguments.output is None:
            raise VitMatteError("nothing to write; expected -o, or --check to examine a trimap")


def _check_output(output: Path | None, sources: list[Path], force: bool) -> None:
    if output is None or is_stream(output):
        return
    check_output(output, (".png",), force)
    not_an_input(output, sources)


def _write(output: Path, trimap: NDArray[np.uint8]) -> None:
    if is_stream(output):
        write_stream(picture_writer(Path("trimap.png"), trimap))
        return
    save_png(output, trimap)
    print(output)
