"""``numpy-vitmatte matte``: estimate the alpha of one photo."""

import argparse
import time

from numpy_vitmatte.cli.matte_memory import matting_allowance
from numpy_vitmatte.cli.matte_outputs import add_output_arguments, check_outputs, write_outputs
from numpy_vitmatte.cli.matting_options import add_matting_options, add_sources
from numpy_vitmatte.cli.messages import logger
from numpy_vitmatte.cli.options import add_shared_options, set_threads
from numpy_vitmatte.cli.streams import only_one_stream, read_source
from numpy_vitmatte.images.reading import ImageSource
from numpy_vitmatte.matting.background import read_background
from numpy_vitmatte.matting.trust_map import TrustMap
from numpy_vitmatte.pipeline.photo_to_alpha import MattingResult, matte_with_report
from numpy_vitmatte.pipeline.trust import matte_with_trust

_DESCRIPTION = """Estimate the alpha of a photo from its trimap: black background, white foreground, grey unknown.
The paths of what was written go to stdout, what was understood of the trimap to stderr."""

_EXAMPLES = """examples:
  numpy-vitmatte matte photo.jpg trimap.png -o alpha.png
  numpy-vitmatte matte photo.jpg trimap.png -o alpha.png --bits 16 --model ./vitmatte-small-composition-1k
  numpy-vitmatte matte photo.jpg trimap.png -o alpha.npy --raw --threads 2
  numpy-vitmatte matte panorama.jpg trimap.png -o alpha.png --max-side 2048
  numpy-vitmatte matte photo.jpg trimap.png --cutout out.png --background beach.jpg --composite out.jpg
  numpy-vitmatte matte photo.jpg trimap.png -o alpha.png --trust map.png --profile hustvl
  numpy-vitmatte matte - trimap.png -o - < photo.jpg > alpha.png
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    add_sources(parser)
    add_output_arguments(parser)
    add_matting_options(parser)
    add_shared_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Estimate the alpha and write what was asked for.

    Raises
    ------
    VitMatteError
        Before anything is written.
    """
    sources = [arguments.photo, arguments.trimap, *filter(None, [arguments.background])]
    only_one_stream(sources, "input")
    check_outputs(arguments, sources)
    set_threads(arguments.threads)
    started = time.perf_counter()
    photo, trimap = read_source(arguments.photo, "photo"), read_source(arguments.trimap, "trimap")
    background = None if arguments.background is None else read_source(arguments.background, "background")
    max_memory = matting_allowance(arguments, photo, background)
    backdrop = None if background is None else read_background(background, arguments.fit or "cover")
    result, trust = _estimate(arguments, photo, trimap, max_memory)
    write_outputs(arguments, result, backdrop, trust)
    for line in result.report.lines() + (trust.lines() if trust else []):
        logger.info(line)
    height, width = result.alpha.shape
    computed = result.computed
    logger.debug(
        "computed: %.0f %% of the pixels, %.0f %% of the last block's tokens; the rest changes no unknown pixel",
        100 * computed.pixels,
        100 * computed.tokens,
    )
    logger.debug("photo: %d x %d pixels, %.1f s", width, height, time.perf_counter() - started)


def _estimate(
    arguments: argparse.Namespace, photo: ImageSource, trimap: ImageSource, max_memory: int | None
) -> tuple[MattingResult, TrustMap | None]:
    options = {name: getattr(arguments, name) for name in ("profile", "raw", "max_side")} | {"max_memory": max_memory}
    if arguments.trust:
        return matte_with_trust(photo, trimap, arguments.model, **options)
    return matte_with_report(photo, trimap, arguments.model, **options), None
