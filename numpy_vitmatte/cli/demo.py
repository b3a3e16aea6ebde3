"""``numpy-vitmatte demo``: the whole job on the photo that comes with the package."""

import argparse
import os
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from numpy_vitmatte.cli.messages import logger
from numpy_vitmatte.cli.options import add_shared_options, set_threads
from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.images.value_range import to_integers
from numpy_vitmatte.images.writing import Writer, check_output, write_together
from numpy_vitmatte.matting.composite import cutout, side_by_side
from numpy_vitmatte.pipeline.photo_to_alpha import matte_with_report

DEMO_FOLDER = Path(__file__).resolve().parent.parent / "demo"

BUNDLED = {"astronaut": ("photo.jpg", "trimap.png"), "lemur": ("lemur.jpg", "lemur-trimap.png")}
"""The bundled photos and their trimaps, by name."""

_MARK = "numpy-vitmatte demo"

DESCRIPTION = """Matte a photo of a lemur that comes with the package; write its alpha, its cut-out and a side-by-side
picture (photo, trimap, alpha, subject before a checkerboard). The files' paths go to stdout.
An earlier demo's pictures are overwritten; other files of their names are not."""

EXAMPLES = """examples:
  numpy-vitmatte demo
  numpy-vitmatte demo -o /tmp/demo --force
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        default=Path("demo-output"),
        help="folder for the three pictures; made if it is missing (default: %(default)s)",
    )
    add_shared_options(parser)


def run(arguments: argparse.Namespace) -> None:
    """Matte the bundled photo and write the three pictures.

    Raises
    ------
    VitMatteError
        Before anything is written, unless the disk fails.
    """
    folder: Path = arguments.output
    alpha_path, cutout_path, comparison_path = (
        folder / name for name in ("alpha.png", "cutout.png", "side-by-side.png")
    )
    if os.path.exists(folder):  # Path.exists raises where the name is too long
        for path in (alpha_path, cutout_path, comparison_path):
            check_output(path, (".png",), arguments.force or _is_from_here(path))
    set_threads(arguments.threads)
    photo, trimap = bundled_photo("lemur")
    result = matte_with_report(photo, trimap, arguments.model)
    _make_folder(folder)
    comparison = side_by_side(result.photo, result.trimap, result.alpha)
    write_together(
        {
            alpha_path: _writer(to_integers(result.alpha)),
            cutout_path: _writer(cutout(result.photo, result.alpha)),
            comparison_path: _writer(comparison),
        }
    )
    for line in result.report.lines():
        logger.info(line)
    for path in (alpha_path, cutout_path, comparison_path):
        print(path)


def bundled_photo(name: str = "astronaut") -> tuple[Path, Path]:
    """Find a bundled photo and its trimap.

    Parameters
    ----------
    name : {"astronaut", "lemur"}
        The astronaut is a hard case: hair of one or two pixels, and black before black. The lemur has fur.

    Returns
    -------
    photo, trimap : Path

    Raises
    ------
    VitMatteError
        If this installation lacks them.
    """
    photo, trimap = (DEMO_FOLDER / file for file in BUNDLED[name])
    if not photo.is_file() or not trimap.is_file():
        raise VitMatteError(f"this installation lacks the bundled photo ({DEMO_FOLDER}); install the package again")
    return photo, trimap


def _writer(pixels: NDArray[Any]) -> Writer:
    """Write a PNG that says where it is from."""
    text = PngInfo()
    text.add_text("Software", _MARK)
    return lambda file: Image.fromarray(pixels).save(file, "PNG", pnginfo=text)


def _is_from_here(path: Path) -> bool:
    """Say whether a file is an earlier demo's, which may be overwritten: nobody's work is in it."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            return image.info.get("Software") == _MARK
    except Exception:  # whatever Pillow's header reader met: it is not ours
        return False


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VitMatteError(f"output folder {str(folder)!r} cannot be made: {error.strerror}") from error
