"""``numpy-vitmatte evaluate``: score a folder of alphas with the errors that papers print."""

import argparse
import json
import sys
from pathlib import Path

from numpy_vitmatte.cli.matting_options import add_depth
from numpy_vitmatte.cli.messages import logger
from numpy_vitmatte.cli.options import add_output_options, add_pixel_limit
from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.images.folder_pairs import match_by_stem
from numpy_vitmatte.images.writing import check_output, text_writer, write_together
from numpy_vitmatte.matting.evaluation import as_csv, as_json_object, as_table, evaluate_file
from numpy_vitmatte.matting.metrics import AlphaErrors

DESCRIPTION = """Score the alphas of a folder against the true ones of the same stems: SAD, Grad and Conn in thousands,
MSE and MAD in thousandths, as the matting literature prints them. With --trimaps only unknown pixels count, as in
the tables of Composition-1k; without it every pixel counts, as in those of Distinctions-646. The table goes to stdout.
The exit status is 1 if an alpha could not be scored."""

EXAMPLES = """examples:
  numpy-vitmatte evaluate alphas true-alphas --trimaps trimaps
  numpy-vitmatte evaluate alphas true-alphas --csv errors.csv --json errors.json
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("predictions", metavar="PRED_DIR", type=Path, help="folder of the alphas to judge")
    parser.add_argument("truths", metavar="GT_DIR", type=Path, help="folder of the true alphas")
    parser.add_argument("--trimaps", metavar="DIR", type=Path, help="folder of trimaps: count unknown pixels only")
    parser.add_argument("--csv", metavar="FILE", help="also write the rows here; '-': to stdout, instead of the table")
    parser.add_argument(
        "--json",
        metavar="FILE",
        help="also write rows and mean here; '-': to stdout, instead of the table",
    )
    add_depth(parser)
    add_output_options(parser)
    add_pixel_limit(parser)


def run(arguments: argparse.Namespace) -> int:
    """Score every picture and print the table.

    Returns
    -------
    int
        1 if a picture could not be scored.

    Raises
    ------
    VitMatteError
        Before anything is written; also if no alpha could be scored.
    """
    files = {".csv": arguments.csv, ".json": arguments.json}
    _check_outputs(files, arguments.force)
    folders = {"prediction": arguments.predictions, "true alpha": arguments.truths}
    if arguments.trimaps is not None:
        folders["trimap"] = arguments.trimaps
    matched = match_by_stem(folders)
    rows: dict[str, AlphaErrors] = {}
    failures = dict(matched.problems)
    for match in matched.matches:
        logger.debug("scoring %s", match.stem)
        try:
            rows[match.stem] = evaluate_file(*match.files.values(), depth=arguments.depth)
        except VitMatteError as error:
            failures[match.stem] = str(error)
    if not rows:
        stem, failure = min(failures.items())
        raise VitMatteError(f"no alpha could be scored; for example {stem!r}: {failure}")
    _write(rows, failures, files, unknown=arguments.trimaps is not None)
    if failures:
        logger.error("%d of %d alphas could not be scored:", len(failures), len(failures) + len(rows))
        for stem, failure in sorted(failures.items()):
            logger.error("  %s: %s", stem, failure)
    return 1 if failures else 0


def _check_outputs(files: dict[str, str | None], force: bool) -> None:
    if set(files.values()) == {"-"}:
        raise VitMatteError("--csv - and --json - would both go to stdout; give one of them a file")
    for suffix, path in files.items():
        if path is not None and path != "-":
            check_output(Path(path), (suffix,), force)


def _write(rows: dict[str, AlphaErrors], failures: dict[str, str], files: dict[str, str | None], unknown: bool) -> None:
    """Write the errors to the files and to stdout; `unknown`: only the trimaps' unknown pixels have been counted."""
    region = "unknown" if unknown else "whole image"
    texts = {
        ".csv": as_csv(rows),
        ".json": json.dumps(as_json_object(rows, region, failures), indent=2) + "\n",
    }
    to_stdout, writers = as_table(rows), {}
    for suffix, path in files.items():
        text = texts[suffix]
        if path == "-":
            to_stdout = text
        elif path is not None:
            writers[Path(path)] = text_writer(text)
    write_together(writers)
    sys.stdout.write(to_stdout)
    counted = "pixels that the trimap marks as unknown" if unknown else "every pixel"
    logger.info("SAD, Grad, Conn in thousands; MSE, MAD in thousandths; over %s", counted)
