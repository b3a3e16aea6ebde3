"""``numpy-vitmatte finetune``: train a checkpoint further on one's own photos and alphas."""

import argparse
import logging
import sys
from pathlib import Path

from numpy_vitmatte.cli.messages import logger
from numpy_vitmatte.cli.options import add_verbosity_options, set_threads
from numpy_vitmatte.cli.training_progress import training_progress
from numpy_vitmatte.matting.evaluation import as_table, mean_errors
from numpy_vitmatte.training.finetuning import FinetuneOptions, FinetuneResult, finetune

DESCRIPTION = """Train a checkpoint further on photos of known alpha: PHOTOS/cat.jpg belongs to ALPHAS/cat.png. A part
of the pictures is held back; the table of their errors before and after goes to stdout. The new checkpoint appears as
DIR, whole or not at all; --model DIR uses it, and so does transformers. While the run goes on, its state and log.csv
lie in DIR.training: the same command continues a run that was stopped in any way, to the same bits."""

EXAMPLES = """examples:
  numpy-vitmatte finetune photos alphas -o my-model --steps 300
  numpy-vitmatte finetune photos alphas --trimaps trimaps -o my-model --minutes 60 --train all --lr 1e-4
  numpy-vitmatte finetune foregrounds alphas --backgrounds landscapes -o my-model --minutes 30
"""

_OPTIONS = tuple(FinetuneOptions.__annotations__)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("photos", metavar="PHOTOS", type=Path, help="folder of photos")
    parser.add_argument("alphas", metavar="ALPHAS", type=Path, help="folder of true alphas, gray levels or cut-outs")
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, required=True, help="the checkpoint to make")
    parser.add_argument(
        "--trimaps", metavar="DIR", type=Path, help="folder of trimaps (default: drawn from the alphas, anew each time)"
    )
    parser.add_argument(
        "--backgrounds",
        metavar="DIR",
        type=Path,
        help="folder of pictures to lay the subjects over; PHOTOS then hold the colors of foregrounds",
    )
    parser.add_argument(
        "--model", metavar="NAME|DIR", default="vitmatte-tiny", help="checkpoint to begin with (default: %(default)s)"
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", metavar="N", type=int, help="steps of the optimizer (default: 300)")
    length.add_argument("--minutes", metavar="M", type=float, help="time for all steps, in place of their number")
    parser.add_argument(
        "--train", choices=("decoder", "all"), default="decoder", help="what changes (default: decoder)"
    )
    parser.add_argument("--crop", metavar="N", type=int, default=256, help="side of the squares (default: 256)")
    parser.add_argument("--batch", metavar="N", type=int, default=4, help="squares in a step (default: 4)")
    parser.add_argument("--lr", metavar="R", type=float, default=3e-4, help="learning rate (default: %(default)s)")
    parser.add_argument(
        "--validate", metavar="PART", type=float, default=0.1, help="part of the pictures to hold back (default: 0.1)"
    )
    parser.add_argument("--seed", metavar="N", type=int, default=1, help="decides every random choice (default: 1)")
    parser.add_argument(
        "--precision", metavar="P", default="highest", help="of products: gradients have only highest, float32"
    )
    parser.add_argument(
        "--max-memory", metavar="SIZE", help="refuse a run whose steps take more, such as 2GB; default: no limit"
    )
    parser.add_argument("--threads", metavar="N", type=int, help="number of threads (default: one for each CPU)")
    add_verbosity_options(parser)


def run(arguments: argparse.Namespace) -> None:
    """Train, and print the errors before and after.

    Raises
    ------
    VitMatteError
        Before anything stands under the checkpoint's name.
    """
    set_threads(arguments.threads)
    options = FinetuneOptions(**{name: getattr(arguments, name) for name in _OPTIONS})  # type: ignore[typeddict-item]
    with training_progress(arguments.batch, quiet=arguments.verbosity > logging.INFO) as listen:
        result = finetune(arguments.photos, arguments.alphas, arguments.output, listen, **options)
    logger.info("%s: %d steps in %.1f minutes", result.directory, result.steps, result.seconds / 60)
    _print_errors(result)


def _print_errors(result: FinetuneResult) -> None:
    if not result.before:
        logger.info("no picture was held back, so that nobody can tell whether the checkpoint is better")
        return
    sys.stdout.write(f"before:\n{as_table(result.before)}\nafter:\n{as_table(result.after)}")
    if mean_errors(result.after).mse >= mean_errors(result.before).mse:
        logger.warning("the pictures held back have become no better: try other pictures, more steps or a smaller --lr")
