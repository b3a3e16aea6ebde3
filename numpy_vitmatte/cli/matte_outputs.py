"""The outputs of ``numpy-vitmatte matte``: alpha, cut-out, composite, trust map; all are written, or none."""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from numpy_vitmatte.cli.streams import is_stream, not_an_input, only_one_stream, write_stream
from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.images.writing import (
    ALPHA_SUFFIXES,
    PICTURE_SUFFIXES,
    TRANSPARENT_SUFFIXES,
    Writer,
    alpha_writer,
    check_output,
    picture_writer,
    write_together,
)
from numpy_vitmatte.matting.background import FITS, Backdrop, named_background
from numpy_vitmatte.matting.composite import composite_in_one_space, cutout
from numpy_vitmatte.matting.foreground import estimate_foreground, require_pymatting
from numpy_vitmatte.matting.trust_map import TrustMap
from numpy_vitmatte.pipeline.photo_to_alpha import MattingResult

_SUFFIXES = {
    "output": ALPHA_SUFFIXES,
    "cutout": TRANSPARENT_SUFFIXES,
    "composite": PICTURE_SUFFIXES,
    "trust": (".png",),
}


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the outputs and what belongs to them."""
    outputs = parser.add_argument_group("outputs", "at least one; '-' is standard output; all are written, or none")
    for flags, metavar, text in (
        (("-o", "--output"), "ALPHA", "the alpha: .png, .webp or .tif (gray levels), or .npy (float32 in [0, 1])"),
        (("--cutout",), "PICTURE", "the subject with its alpha as transparency, in the photo's own color space: "
         ".png, .webp or .tif"),
        (("--composite",), "PICTURE", "the subject before --background: .png, .jpg, .webp or .tif"),
        (("--trust",), "PNG", "where to look twice: red where the network contradicts a known pixel of the trimap, "
         "cyan where a mirrored photo gets another alpha (the network runs twice)"),
    ):  # fmt: skip
        outputs.add_argument(*flags, metavar=metavar, type=Path, help=text)
    outputs.add_argument(
        "--bits",
        type=int,
        choices=(8, 16),
        help="bits of an alpha's or cut-out's .png or .tif (default: 8)",
    )
    pictures = parser.add_argument_group("cut-out and composite")
    pictures.add_argument("--background", help="an image, a color (white, '#1e90ff') or checkerboard")
    pictures.add_argument("--fit", choices=FITS, help="scale the background to cover the photo, or to fit in whole "
                          "between black bars (default: cover)")  # fmt: skip
    pictures.add_argument("--colors", choices=("estimated", "photo"), help="colors of half-transparent pixels: the "
                          "subject's own, estimated by pymatting, or the photo's, with a rim of the old background "
                          "(default: estimated)")  # fmt: skip
    pictures.add_argument("--linear", action="store_true", help="blend light instead of stored levels")


def check_outputs(arguments: argparse.Namespace, sources: list[Path]) -> None:
    """Say what keeps the outputs from being made, before anything is read or computed.

    Raises
    ------
    VitMatteError
    """
    outputs = dict(_outputs(arguments))
    if not outputs:
        raise VitMatteError("nothing to write; expected -o, --cutout, --composite or --trust")
    _check_combinations(arguments)
    only_one_stream(list(outputs.values()), "output")
    for name, path in outputs.items():
        if not is_stream(path):
            check_output(path, _SUFFIXES[name], arguments.force)
            not_an_input(path, sources)
    resolved = [os.path.realpath(path) for path in outputs.values()]
    if len(set(resolved)) < len(resolved):
        raise VitMatteError("two outputs have the same name; choose another for one of them")
    if _with_colors(arguments) and arguments.colors != "photo":
        require_pymatting()


def write_outputs(
    arguments: argparse.Namespace, result: MattingResult, backdrop: Backdrop | None, trust: TrustMap | None
) -> None:
    """Make the outputs and write all of them, or none.

    Raises
    ------
    VitMatteError
    """
    writers = _writers(arguments, result, backdrop, trust)
    write_together({path: write for path, write in writers.items() if not is_stream(path)})
    for path, write in writers.items():
        if is_stream(path):
            write_stream(write)
    if not any(map(is_stream, writers)):  # the paths would end up in the image there
        for path in writers:
            print(path)


def _writers(
    arguments: argparse.Namespace, result: MattingResult, backdrop: Backdrop | None, trust: TrustMap | None
) -> dict[Path, Writer]:
    writers: dict[Path, Writer] = {}
    if arguments.output:
        writers[arguments.output] = alpha_writer(arguments.output, result.alpha, arguments.bits or 8)
    if _with_colors(arguments):
        estimated = arguments.colors != "photo"
        colors = estimate_foreground(result.photo, result.alpha, linear=arguments.linear) if estimated else result.photo
        if arguments.cutout:
            bits = (arguments.bits or 8) if _holds_16_bits(arguments.cutout) else 8
            pixels = cutout(colors, result.alpha, bits, blank=not estimated)
            writers[arguments.cutout] = picture_writer(arguments.cutout, pixels, result.icc_profile)
        if arguments.composite and backdrop:
            writers[arguments.composite] = _composite_writer(arguments, result, colors, backdrop)
    if trust:
        writers[arguments.trust] = picture_writer(arguments.trust, trust.picture())
    return writers


def _composite_writer(
    arguments: argparse.Namespace, result: MattingResult, colors: NDArray[Any], backdrop: Backdrop
) -> Writer:
    blended = composite_in_one_space(colors, result.alpha, result.icc_profile, backdrop, linear=arguments.linear)
    return picture_writer(arguments.composite, *blended)


def _holds_16_bits(path: Path | None) -> bool:
    return path is not None and (path.suffix.lower() in (".png", ".tif", ".tiff") or is_stream(path))


def _outputs(arguments: argparse.Namespace) -> Iterator[tuple[str, Path]]:
    for name in _SUFFIXES:
        path = getattr(arguments, name)
        if path is not None:
            yield name, path


def _with_colors(arguments: argparse.Namespace) -> bool:
    return bool(arguments.cutout or arguments.composite)


def _check_combinations(arguments: argparse.Namespace) -> None:
    """Refuse an option without effect: it was meant to have one."""
    estimated = arguments.cutout and arguments.colors != "photo"
    if arguments.bits and not (_holds_16_bits(arguments.output) or _holds_16_bits(arguments.cutout)):
        raise VitMatteError("--bits is for the .png or .tif of an alpha or a cut-out; there is none")
    if arguments.composite and not arguments.background:
        raise VitMatteError("--composite needs --background: an image, a color or checkerboard")
    for name, given, wanted, there in (
        ("--background", arguments.background, "--composite", arguments.composite),
        ("--fit", arguments.fit, "--composite", arguments.composite),
        ("--colors", arguments.colors, "--cutout or --composite", _with_colors(arguments)),
        ("--linear", arguments.linear, "--composite or estimated colors", arguments.composite or estimated),
    ):
        if given and not there:
            raise VitMatteError(f"{name} has no effect without {wanted}; leave it out")
    if arguments.fit and named_background(arguments.background):
        raise VitMatteError(
            f"--fit is for an image; --background {arguments.background} fits every photo; leave --fit out"
        )
