"""``numpy-vitmatte matte``: estimate the alpha of one photo."""

import argparse
import os
import time
from pathlib import Path
from typing import Any

from numpy_vitmatte.cli.messages import logger
from numpy_vitmatte.cli.options import add_pixel_limit, add_shared_options, set_threads
from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.images.writing import ALPHA_SUFFIXES, check_output, save_alpha
from numpy_vitmatte.pipeline import matte_with_report

_DESCRIPTION = """Estimate the alpha of a photo from its trimap: black background, white foreground, grey unknown.
The alpha's path goes to stdout, what was understood of the trimap to stderr."""

_EXAMPLES = """examples:
  numpy-vitmatte matte photo.jpg trimap.png -o alpha.png
  numpy-vitmatte matte photo.jpg trimap.png -o alpha.png --bits 16 --model ./vitmatte-small-composition-1k
  numpy-vitmatte matte photo.jpg trimap.png -o alpha.npy --raw --threads 2
  numpy-vitmatte matte panorama.jpg trimap.png -o alpha.png --max-side 2048
"""


def add_command(commands: Any) -> None:
    """Describe the command and its options."""
    parser = commands.add_parser(
        "matte",
        help="estimate the alpha of a photo from its trimap",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("photo", metavar="PHOTO", type=Path, help="any image file")
    parser.add_argument("trimap", metavar="TRIMAP", type=Path, help="an image file of the same size")
    parser.add_argument(
        "-o",
        "--output",
        metavar="ALPHA",
        type=Path,
        required=True,
        help="where the alpha goes: .png (grey levels) or .npy (float32 in [0, 1])",
    )
    parser.add_argument("--bits", type=int, choices=(8, 16), help="bits of a PNG's grey levels (default: 8)")
    parser.add_argument(
        "--raw", action="store_true", help="the network's own values also where the trimap already knows the answer"
    )
    parser.add_argument("--max-memory", metavar="SIZE", help="the most memory to take, such as 2GB; default: no limit")
    parser.add_argument(
        "--max-side",
        metavar="N",
        type=int,
        help="an approximation for big photos: compute at most N pixels a side, upsample the alpha by a guided filter",
    )
    add_shared_options(parser)
    add_pixel_limit(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Estimate and write the alpha.

    Raises
    ------
    VitMatteError
        Before anything is written.
    """
    output = check_output(arguments.output, ALPHA_SUFFIXES, arguments.force)
    if arguments.bits and output.suffix.lower() != ".png":
        raise VitMatteError(f"--bits is for .png; {str(output)!r} holds float32")
    for source in (arguments.photo, arguments.trimap):
        if os.path.exists(output) and os.path.exists(source) and os.path.samefile(output, source):
            raise VitMatteError(f"output {str(output)!r} is an input as well; choose another name")
    set_threads(arguments.threads)
    started = time.perf_counter()
    result = matte_with_report(
        arguments.photo,
        arguments.trimap,
        arguments.model,
        raw=arguments.raw,
        max_memory=arguments.max_memory,
        max_side=arguments.max_side,
    )
    save_alpha(output, result.alpha, arguments.bits or 8)
    for line in result.report.lines():
        logger.info(line)
    height, width = result.alpha.shape
    computed = result.computed
    logger.debug(
        "computed: %.0f %% of the pixels, %.0f %% of the last block's tokens; the rest changes no unknown pixel",
        100 * computed.pixels,
        100 * computed.tokens,
    )
    logger.debug("photo: %d x %d pixels, %.1f s", width, height, time.perf_counter() - started)
    print(output)
