"""``numpy-vitmatte trace``: every layer's output for one photo."""

import argparse
import logging
from functools import partial
from pathlib import Path

from numpy_vitmatte.cli.matting_options import add_depth, add_precision, add_profile, add_sources
from numpy_vitmatte.cli.messages import logger
from numpy_vitmatte.cli.options import add_pixel_limit, add_shared_options, set_threads
from numpy_vitmatte.cli.streams import not_an_input, only_one_stream, read_source
from numpy_vitmatte.images.writing import check_output
from numpy_vitmatte.processing.profiles import profile_processor
from numpy_vitmatte.runtime.precision import checked_precision, used_precision
from numpy_vitmatte.tracing.comparison import TraceComparison, compare_traces
from numpy_vitmatte.tracing.photo import trace
from numpy_vitmatte.tracing.trace_file import save_trace

DESCRIPTION = """Write every layer's output for a photo into a safetensors file, under the names and in the layouts of
transformers' modules, so that another implementation can be checked layer by layer with `numpy-vitmatte compare`.
Take a small photo: for 512 x 512 pixels a trace of ViTMatte-S has some 200 MB.
With --precision high or medium it also says how far the layers lie from float32, with --verbose every one. The trace
shows that precision also on a processor that gains nothing from it."""

EXAMPLES = """examples:
  numpy-vitmatte trace photo.jpg trimap.png -o trace.safetensors
  numpy-vitmatte trace small.png small-trimap.png -o trace.safetensors --fine --model ./vitmatte-small-composition-1k
  numpy-vitmatte trace small.png small-trimap.png -o medium.safetensors --precision medium --verbose
  numpy-vitmatte trace - small-trimap.png -o trace.safetensors --profile hustvl < small.png
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    add_sources(parser)
    parser.add_argument(
        "-o", "--output", metavar="TRACE", type=Path, required=True, help="where the trace goes: .safetensors"
    )
    parser.add_argument(
        "--fine",
        action="store_true",
        help="also write the projections, convolutions and norms inside the layers, and the attention probabilities; "
        "the file is several times as large",
    )
    add_profile(parser)
    add_depth(parser)
    add_precision(parser)
    add_shared_options(parser)
    add_pixel_limit(parser)


def run(arguments: argparse.Namespace) -> None:
    """Compute and write the trace.

    Raises
    ------
    VitMatteError
        Before anything is written.
    """
    precision = checked_precision(arguments.precision)
    only_one_stream([arguments.photo, arguments.trimap], "input")
    output = check_output(arguments.output, (".safetensors",), arguments.force)
    not_an_input(output, [arguments.photo, arguments.trimap])
    set_threads(arguments.threads)
    photo, trimap = read_source(arguments.photo, "photo"), read_source(arguments.trimap, "trimap")
    traced = partial(
        trace,
        photo,
        trimap,
        arguments.model,
        processor=profile_processor(arguments.profile),
        fine=arguments.fine,
        depth=arguments.depth,
    )
    layers = traced(precision=precision)
    save_trace(output, layers, precision)
    logger.info("trace: %d layers, %.1f MB", len(layers), sum(array.nbytes for array in layers.values()) / 1e6)
    for name, array in layers.items():
        logger.debug("%s: %s", name, array.shape)
    if precision != "highest" and logger.isEnabledFor(logging.INFO):
        _report_distances(precision, compare_traces(traced(precision="highest"), layers))
    print(output)


def _report_distances(precision: str, from_float32: TraceComparison) -> None:
    """Log how far the layers lie from float32, and which precision this processor would use for alphas."""
    for layer in from_float32.layers:
        logger.debug("from float32: %7.1e  %s", layer.difference, layer.name)
    used = used_precision(precision)
    if used != precision:
        logger.info("precision: on this processor alphas are computed in %r", used)
    largest, alphas = from_float32.largest, from_float32.layers[-1]
    logger.info(
        "precision: %r is off float32 by up to %.1e of a layer's size, in %s, and alphas by up to %.1e",
        precision,
        largest.difference,
        largest.name,
        alphas.difference,
    )
