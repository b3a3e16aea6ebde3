"""What ``matte`` refuses of cut-outs, composites, trust maps, profiles and streams. None needs pymatting."""

import numpy as np
from PIL import Image

from support.bad_inputs.row import BadInput

_JOB = "matte photo.png trimap.png --model checkpoint"
_COMPOSITE = f"{_JOB} --colors photo --composite"


def _beach(folder):
    Image.fromarray(np.zeros((5, 6, 3), np.uint8)).save(folder / "beach.png")


def _notes(folder):
    (folder / "notes.txt").write_text("no picture")


ROWS = [
    BadInput(
        "composite before nothing",
        f"{_COMPOSITE} a.png",
        "--composite needs --background: an image, a color or checkerboard",
    ),
    BadInput(
        "background without composite",
        f"{_JOB} -o a.png --background white",
        "--background has no effect without --composite; leave it out",
    ),
    BadInput(
        "fit without composite",
        f"{_JOB} --cutout a.png --fit cover",
        "--fit has no effect without --composite; leave it out",
    ),
    BadInput(
        "colors of no picture",
        f"{_JOB} -o a.png --colors photo",
        "--colors has no effect without --cutout or --composite; leave it out",
    ),
    BadInput(
        "linear light without blending",
        f"{_JOB} --cutout a.png --colors photo --linear",
        "--linear has no effect without --composite or estimated colors; leave it out",
    ),
    BadInput(
        "bits of no alpha",
        f"{_JOB} --trust a.png --bits 16",
        "--bits is for the .png or .tif of an alpha or a cut-out; there is none",
    ),
    BadInput(
        "cut-out that has no transparency", f"{_JOB} --cutout a.jpg", "output 'a.jpg' ends in '.jpg'; expected .png"
    ),
    BadInput("trust map as .npy", f"{_JOB} --trust a.npy", "output 'a.npy' ends in '.npy'; expected .png"),
    BadInput(
        "composite as .gif",
        f"{_COMPOSITE} a.gif --background white",
        "output 'a.gif' ends in '.gif'; expected .png, .webp, .tif, .tiff, .jpg or .jpeg",
    ),
    BadInput(
        "second output into no folder",
        f"{_JOB} -o a.png --cutout nowhere/b.png",
        "output 'nowhere/b.png': there is no such folder; create it first",
    ),
    BadInput(
        "two outputs of one name",
        f"{_JOB} -o a.png --trust ./a.png",
        "two outputs have the same name; choose another for one of them",
    ),
    BadInput(
        "second output that exists",
        f"{_JOB} -o a.png --trust beach.png",
        "output 'beach.png' exists already; choose another name, or overwrite it with --force",
        _beach,
    ),
    BadInput(
        "cut-out over the photo",
        f"{_JOB} --cutout photo.png --force",
        "output 'photo.png' is an input as well; choose another name",
    ),
    BadInput(
        "composite over its background",
        f"{_COMPOSITE} beach.png --background beach.png --force",
        "output 'beach.png' is an input as well; choose another name",
        _beach,
    ),
    BadInput(
        "background that is nothing",
        f"{_COMPOSITE} a.png --background sea.jpg",
        "background 'sea.jpg' is no file, no color (as in white, #1e90ff) and not 'checkerboard'",
    ),
    BadInput(
        "URL for a background",
        f"{_COMPOSITE} a.png --background https://example.org/sea.jpg",
        "background 'https://example.org/sea.jpg': URLs are not fetched; download it first",
    ),
    BadInput(
        "background that is a directory",
        f"{_COMPOSITE} a.png --background checkpoint",
        "background 'checkpoint' is a directory; expected an image file",
    ),
    BadInput(
        "background that is text",
        f"{_COMPOSITE} a.png --background notes.txt",
        "background 'notes.txt' is not an image, whatever its name says: it begins with b'no picture'",
        _notes,
    ),
    BadInput("fit of a color", f"{_COMPOSITE} a.png --background white --fit fit", "--fit is for an image"),
    BadInput("fit of checks", f"{_COMPOSITE} a.png --background checkerboard --fit cover", "--fit is for an image"),
    BadInput("fit of no kind", f"{_COMPOSITE} a.png --background white --fit stretch", "invalid choice: 'stretch'"),
    BadInput("profile of nobody", f"{_JOB} -o a.png --profile rembg", "invalid choice: 'rembg'"),
    BadInput(
        "two results in one stream",
        f"{_JOB} -o - --cutout -",
        "more than one output is '-'; a stream carries one image",
    ),
    BadInput(
        "two pictures in one stream", "matte - - -o a.png", "more than one input is '-'; a stream carries one image"
    ),
]
