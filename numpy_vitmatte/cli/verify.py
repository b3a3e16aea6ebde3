"""``numpy-vitmatte verify``: is a downloaded checkpoint what was published?"""

import argparse
from pathlib import Path

from numpy_vitmatte.cli.options import add_hub_options, check_hub_name
from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.hub.cache import find_cached
from numpy_vitmatte.hub.file_names import CONFIG_FILE, WEIGHTS
from numpy_vitmatte.hub.names import check_revision
from numpy_vitmatte.hub.published import PUBLISHED, PublishedCheckpoint
from numpy_vitmatte.hub.settings import cache_folder
from numpy_vitmatte.pipeline.verification import GOLDEN_TOLERANCE, alpha_corner, check_files, golden_difference

DESCRIPTION = """Compare every file of a downloaded checkpoint with the checksum that the hub named it by, without a
network. With the authors' demo photo and its trimap, which are not part of this package, also compare the alpha's
first 3 x 3 values with the published ones (tolerance 1e-4). One line per check goes to stdout; exit status 1 if any
differs."""

EXAMPLES = """examples:
  numpy-vitmatte verify hustvl/vitmatte-small-composition-1k
  numpy-vitmatte verify hustvl/vitmatte-small-composition-1k --photo bulb.png --trimap bulb-trimap.png
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    add_hub_options(parser)
    parser.add_argument("--photo", metavar="PHOTO", type=Path, help="the authors' demo photo")
    parser.add_argument("--trimap", metavar="TRIMAP", type=Path, help="its trimap")


def run(arguments: argparse.Namespace) -> int:
    """Print a line per check; returns 0 if all agree, else 1.

    Raises
    ------
    VitMatteError
        If there is nothing to check, or the images cannot be used.
    """
    name = check_hub_name(arguments.name)
    published = _published(name, arguments)
    revision = check_revision(arguments.revision)
    snapshot = find_cached(name, revision, (CONFIG_FILE, WEIGHTS))
    if snapshot is None:
        raise VitMatteError(
            f"{name!r}, revision {revision!r}, is missing from the cache {cache_folder()}, or incomplete there: run "
            f"'numpy-vitmatte download {name}' first"
        )
    results = [_verify_files(snapshot)]
    if published:
        results.append(_verify_corner(snapshot, arguments.photo, arguments.trimap, published))
    return 0 if all(results) else 1


def _published(name: str, arguments: argparse.Namespace) -> PublishedCheckpoint | None:
    """Return the entry with the golden values, if they are asked for."""
    if arguments.photo is None and arguments.trimap is None:
        return None
    if arguments.photo is None or arguments.trimap is None:
        raise VitMatteError("--photo and --trimap belong together: give both, or neither")
    if name not in PUBLISHED:
        raise VitMatteError(f"no golden values of {name!r} were published; there are some of {', '.join(PUBLISHED)}")
    return PUBLISHED[name]


def _verify_files(snapshot: Path) -> bool:
    agree = True
    for check in check_files(snapshot):
        if check.agrees:
            print(f"ok       {check.name}  {check.kind} {check.found}")
        elif check.expected:
            print(f"DIFFERS  {check.name}  {check.kind} {check.found}, expected {check.expected}")
        else:
            print(f"UNKNOWN  {check.name}  {check.kind} {check.found}; the cache holds no value to compare it with")
        agree = agree and check.agrees
    return agree


def _verify_corner(snapshot: Path, photo: Path, trimap: Path, published: PublishedCheckpoint) -> bool:
    difference = golden_difference(alpha_corner(snapshot, photo, trimap), published.corner)
    agrees = difference <= GOLDEN_TOLERANCE
    print(
        f"{'ok     ' if agrees else 'DIFFERS'}  golden values  largest difference {difference:.1e}, "
        f"tolerance {GOLDEN_TOLERANCE:.0e}"
    )
    return agrees
