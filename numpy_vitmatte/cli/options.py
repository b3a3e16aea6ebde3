"""The options that commands share."""

import argparse
import logging
from typing import Any

from numpy_vitmatte.kernels.parallel import set_num_threads


def add_shared_options(parser: argparse.ArgumentParser) -> None:
    """Add --model, --threads, --force, --quiet and --verbose."""
    parser.add_argument(
        "--model",
        metavar="NAME|DIR",
        default="vitmatte-tiny",
        help="a bundled checkpoint, or a directory with config.json, preprocessor_config.json and model.safetensors "
        "(default: %(default)s)",
    )
    parser.add_argument("--threads", metavar="N", type=int, help="how many threads compute (default: all processors)")
    add_output_options(parser)


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add --force, --quiet and --verbose."""
    parser.add_argument("--force", action="store_true", help="overwrite files that exist already")
    loudness: Any = parser.add_mutually_exclusive_group()
    loudness.add_argument(
        "--quiet", dest="loudness", action="store_const", const=logging.ERROR, help="say nothing but errors"
    )
    loudness.add_argument("--verbose", dest="loudness", action="store_const", const=logging.DEBUG, help="say more")
    parser.set_defaults(loudness=logging.INFO)


def set_threads(threads: int | None) -> None:
    """Obey --threads; without it the environment or the processors decide.

    Raises
    ------
    VitMatteError
        If it is less than 1.
    """
    if threads is not None:
        set_num_threads(threads)
