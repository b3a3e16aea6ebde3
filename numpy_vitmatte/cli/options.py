"""The options that commands share."""

import argparse
import logging
from typing import Any

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.hub.names import is_hub_name
from numpy_vitmatte.images.pixel_limit import MAX_PIXELS
from numpy_vitmatte.runtime.threads import set_num_threads


def add_shared_options(parser: argparse.ArgumentParser) -> None:
    """Add --model, --threads, --force, --quiet and --verbose."""
    parser.add_argument(
        "--model",
        metavar="NAME|DIR",
        default="vitmatte-tiny",
        help="a bundled checkpoint, a directory with config.json, preprocessor_config.json and model.safetensors, or a "
        "name on the Hugging Face hub, which is downloaded once (default: %(default)s)",
    )
    parser.add_argument("--threads", metavar="N", type=int, help="number of threads (default: one for each CPU)")
    add_output_options(parser)


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add --force, --quiet and --verbose."""
    parser.add_argument("--force", action="store_true", help="overwrite files that exist already")
    add_verbosity_options(parser)


def add_verbosity_options(parser: argparse.ArgumentParser) -> None:
    """Add --quiet and --verbose."""
    verbosity: Any = parser.add_mutually_exclusive_group()
    verbosity.add_argument(
        "--quiet", dest="verbosity", action="store_const", const=logging.ERROR, help="say nothing but errors"
    )
    verbosity.add_argument("--verbose", dest="verbosity", action="store_const", const=logging.DEBUG, help="say more")
    parser.set_defaults(verbosity=logging.INFO)


def add_hub_options(parser: argparse.ArgumentParser) -> None:
    """Add the name of a checkpoint of the hub, --revision, --quiet and --verbose."""
    parser.add_argument("name", metavar="NAME", help="a checkpoint's name on the Hugging Face hub: owner/name")
    parser.add_argument(
        "--revision", metavar="REV", help="branch, tag, commit, or a pull request such as refs/pr/3 (default: main)"
    )
    add_verbosity_options(parser)


def check_hub_name(name: str) -> str:
    """Return NAME if it can be a name on the hub.

    Raises
    ------
    VitMatteError
        If it cannot.
    """
    if not is_hub_name(name):
        raise VitMatteError(
            f"{name!r} cannot be a name on the Hugging Face hub; expected owner/name, such as "
            "hustvl/vitmatte-small-composition-1k"
        )
    return name


def add_pixel_limit(parser: argparse._ActionsContainer) -> None:
    """Add --max-pixels to a command that reads images. The program sets the limit for every command."""
    parser.add_argument(
        "--max-pixels",
        metavar="N",
        type=int,
        default=MAX_PIXELS,
        help="refuse files that unpack to more pixels, as decompression bombs do; 0: no limit (default: %(default)s)",
    )


def set_threads(threads: int | None) -> None:
    """Set the number of threads to --threads; without it the environment or the processors decide.

    Raises
    ------
    VitMatteError
        If it is less than 1.
    """
    if threads is not None:
        set_num_threads(threads)
