"""``numpy-vitmatte matte``: estimate the alpha of one photo."""

import argparse
import logging
import time
from pathlib import Path

from numpy_vitmatte.cli.matte_memory import extras_of, opened_background
from numpy_vitmatte.cli.matte_outputs import add_output_arguments, check_outputs, write_outputs
from numpy_vitmatte.cli.matting_options import add_mask_widths, add_matting_options, matting_options
from numpy_vitmatte.cli.messages import logger
from numpy_vitmatte.cli.one_line_parser import OneLineParser
from numpy_vitmatte.cli.options import add_shared_options, set_threads
from numpy_vitmatte.cli.progress import progress_bar
from numpy_vitmatte.cli.streams import only_one_stream, read_source
from numpy_vitmatte.images.pixel_limit import decoding_limit
from numpy_vitmatte.matting.background import Backdrop, read_background
from numpy_vitmatte.network.memory import parse_bytes
from numpy_vitmatte.pipeline.inputs import trimap_or_mask
from numpy_vitmatte.pipeline.job import PreparedJob, prepare
from numpy_vitmatte.pipeline.options import MattingOptions
from numpy_vitmatte.pipeline.photo_to_alpha import MattingResult, compute
from numpy_vitmatte.pipeline.trust import compute_with_trust

DESCRIPTION = """Estimate the alpha of a photo from its trimap: black background, white foreground, gray unknown.
The paths of the written files go to stdout; what was understood of the trimap goes to stderr."""

EXAMPLES = """examples:
  numpy-vitmatte matte photo.jpg trimap.png -o alpha.png
  numpy-vitmatte matte photo.jpg --mask mask.png --dilate 5% -o alpha.png
  numpy-vitmatte matte photo.jpg trimap.png -o alpha.png --bits 16 --model ./vitmatte-small-composition-1k
  numpy-vitmatte matte photo.jpg trimap.png -o alpha.npy --raw --threads 2
  numpy-vitmatte matte panorama.jpg trimap.png -o alpha.png --max-side 2048
  numpy-vitmatte matte photo.jpg trimap.png --cutout out.png --background beach.jpg --composite out.jpg
  numpy-vitmatte matte photo.jpg trimap.png -o alpha.png --trust map.png --profile hustvl
  numpy-vitmatte matte - trimap.png -o - < photo.jpg > alpha.png
"""


def add_options(parser: OneLineParser) -> None:
    """Add what the command takes."""
    parser.add_argument("photo", metavar="PHOTO", type=Path, help="any image file; '-' is standard input")
    parser.add_argument("trimap", metavar="TRIMAP", type=Path, nargs="?", help="an image file of the same size, or '-'")
    making = parser.add_argument_group("without a trimap")
    making.add_argument("--mask", type=Path, help="a mask, an alpha or a cut-out, of which a trimap is made; or '-'")
    add_mask_widths(making)
    add_output_arguments(parser)
    add_matting_options(parser)
    add_shared_options(parser)
    parser.interleaved = True  # PHOTO -o ALPHA TRIMAP as well


def run(arguments: argparse.Namespace) -> None:
    """Estimate the alpha and write what was asked for.

    Raises
    ------
    VitMatteError
        Before anything is written.
    """
    trimap_or_mask(arguments.trimap, arguments.mask, arguments.erode, arguments.dilate)
    optional = [arguments.trimap, arguments.mask, arguments.background]
    sources = [arguments.photo, *filter(None, optional)]
    only_one_stream(sources, "input")
    check_outputs(arguments, sources)
    set_threads(arguments.threads)
    started = time.perf_counter()
    limit = None if arguments.max_memory is None else parse_bytes(arguments.max_memory)
    with decoding_limit(limit):
        job, backdrop = _read(arguments)
    with progress_bar(quiet=arguments.verbosity > logging.INFO):
        result, trust = compute_with_trust(job) if arguments.trust else (compute(job), None)
    write_outputs(arguments, result, backdrop, trust)
    for line in result.report.lines() + (trust.lines() if trust else []):
        logger.info(line)
    if logger.isEnabledFor(logging.DEBUG):
        _say_more(result, time.perf_counter() - started)


def _read(arguments: argparse.Namespace) -> tuple[PreparedJob, Backdrop | None]:
    """Open all inputs, plan the job, and then decode them."""
    photo = read_source(arguments.photo, "photo")
    trimap, mask = (
        path and read_source(path, what) for path, what in ((arguments.trimap, "trimap"), (arguments.mask, "mask"))
    )
    with opened_background(arguments) as background:
        extras = extras_of(arguments, background)
        options = matting_options(arguments) | MattingOptions(mask=mask)
        job = prepare(photo, trimap, arguments.model, options, extras)
        keep = None if arguments.linear else job.inputs.photo.icc_profile  # its curve need not be sRGB's
        return job, None if background is None else read_background(background, arguments.fit or "cover", keep)


def _say_more(result: MattingResult, seconds: float) -> None:
    computed = result.computed
    logger.debug(
        "computed: %.0f %% of the pixels, %.0f %% of the last block's tokens; the rest changes no unknown pixel",
        100 * computed.pixels,
        100 * computed.tokens,
    )
    logger.debug("precision: products were computed in %r", result.precision)
    height, width = result.alpha.shape
    logger.debug("photo: %d x %d pixels, %.1f s", width, height, seconds)
