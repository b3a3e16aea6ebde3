"""``numpy-vitmatte batch``: matte a whole folder, in one run or in several."""

import argparse
import logging
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from numpy_vitmatte.batch.cluster import run_on_cluster
from numpy_vitmatte.batch.job import FolderOptions, Job, Outcome, check_options
from numpy_vitmatte.batch.limits import Limits, worker_share
from numpy_vitmatte.batch.local import run_locally
from numpy_vitmatte.batch.output_folder import claim, is_finished
from numpy_vitmatte.batch.plan import plan_folder
from numpy_vitmatte.cli.batch_report import BatchReport
from numpy_vitmatte.cli.matting_options import add_mask_widths, add_matting_options, matting_options
from numpy_vitmatte.cli.messages import logger
from numpy_vitmatte.cli.options import add_shared_options, set_threads
from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.files.atomic_write import remove_leftovers
from numpy_vitmatte.network.memory import parse_bytes
from numpy_vitmatte.runtime.precision import checked_precision, used_precision
from numpy_vitmatte.runtime.threads import get_num_threads

DESCRIPTION = """Matte every photo of a folder with the trimap of the same stem: PHOTOS/cat.jpg and TRIMAPS/cat.png
give OUT/cat.png. Files that cannot be used are skipped and listed at the end (exit status 1). The same command resumes
a run that was stopped in any way: finished alphas are kept, unless their photo or trimap is newer.
The alphas' paths go to stdout."""

EXAMPLES = """examples:
  numpy-vitmatte batch photos trimaps -o alphas
  numpy-vitmatte batch photos masks --masks --dilate 5% -o alphas
  numpy-vitmatte batch photos trimaps -o alphas --workers 4 --json > log.jsonl
  numpy-vitmatte batch photos trimaps -o alphas --workers 2 --max-memory 4GB --max-side 2048
  numpy-vitmatte batch photos trimaps -o alphas --scheduler tcp://10.0.0.5:8786
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("photos", metavar="PHOTOS", type=Path, help="folder of photos")
    parser.add_argument("trimaps", metavar="TRIMAPS", type=Path, help="folder of trimaps")
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        type=Path,
        required=True,
        help="folder for the alphas; it is created if it does not exist",
    )
    parser.add_argument("--bits", type=int, choices=(8, 16), default=8, help="bits of the alphas' PNGs (default: 8)")
    making = parser.add_argument_group("without trimaps")
    making.add_argument("--masks", action="store_true", help="TRIMAPS holds masks, of which trimaps are made")
    add_mask_widths(making)
    add_matting_options(
        parser, budget=" for the command and all its workers together; with --scheduler for each worker"
    )
    parser.add_argument(
        "--workers",
        metavar="N",
        type=int,
        help="number of photos computed at a time, each in a process of its own with an equal share of the threads; "
        "N workers take the memory of N photos, and are worth it for small ones (default: 1)",
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="work on a Dask cluster (extra [dask]) whose machines all see the folders; --threads is then per worker",
    )
    parser.add_argument("--json", action="store_true", help="write a JSON object for every photo to stdout, one a line")
    add_shared_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Matte what is not finished yet.

    Returns
    -------
    int
        1 if a photo has no alpha at the end.

    Raises
    ------
    VitMatteError
        Before any alpha is written.
    """
    if arguments.workers is not None and arguments.scheduler is not None:
        raise VitMatteError("--workers is for this machine, --scheduler has workers of its own; leave one of them out")
    if arguments.workers is not None and arguments.workers < 1:
        raise VitMatteError(f"--workers is {arguments.workers}; give a whole number, 1 or more")
    set_threads(arguments.threads)
    options = _options(arguments)
    plan = plan_folder(arguments.photos, arguments.trimaps, arguments.output, options)
    made_with = plan.jobs[0].options
    check_options(made_with)
    limits = _limits(arguments, made_with.model, len(plan.jobs))
    claim(arguments.output, plan.jobs, made_with, arguments.force)
    finished = {job for job in plan.jobs if is_finished(job)}
    waiting = [replace(job, limits=limits) for job in plan.jobs if job not in finished]
    with BatchReport(plan, len(finished), as_json=arguments.json, quiet=arguments.verbosity > logging.INFO) as report:
        try:
            with closing(_outcomes(waiting, arguments)) as outcomes:
                for outcome in outcomes:
                    report.add(outcome)
        finally:
            remove_leftovers(arguments.output)
    return report.status()


def _options(arguments: argparse.Namespace) -> FolderOptions:
    if not arguments.masks and (arguments.erode or arguments.dilate):
        raise VitMatteError("--erode and --dilate are for --masks; trimaps are taken as they are")
    matting = matting_options(arguments)
    del matting["max_memory"]  # is the machine's, and shared among its workers
    matting["precision"] = used_precision(checked_precision(arguments.precision))
    return FolderOptions(arguments.model, matting, arguments.bits, arguments.masks)


def _limits(arguments: argparse.Namespace, model: str, jobs: int) -> Limits:
    """Return the limits of every worker. Those of a cluster have machines of their own, so each may take all memory."""
    if arguments.max_memory is None:
        return Limits(arguments.max_pixels)
    allowed: int = parse_bytes(arguments.max_memory)
    if arguments.scheduler is None:
        workers = min(arguments.workers or 1, jobs)
        allowed = worker_share(allowed, workers, model)
        logger.debug("memory: %d MB for each of %d workers", allowed // 1_000_000, workers)
    return Limits(arguments.max_pixels, allowed)


def _outcomes(jobs: Sequence[Job], arguments: argparse.Namespace) -> Generator[Outcome, None, None]:
    if arguments.scheduler is not None:
        return run_on_cluster(jobs, arguments.scheduler, arguments.threads)
    return run_locally(jobs, arguments.workers or 1, get_num_threads())
