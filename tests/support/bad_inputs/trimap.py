"""What ``numpy-vitmatte trimap`` refuses: masks, trimaps, photos, outputs and options."""

import io

import numpy as np
from PIL import Image

from support.bad_images import BAD_FILES, make_bad_file
from support.bad_inputs.row import BadInput, content
from support.matting_job import TRIMAP


def _png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def _file_rows():
    """The files of ``bad_images`` as mask, trimap and photo, of which only the size is looked at, not its values."""
    for name, (_, message) in BAD_FILES.items():
        roles = {"mask": f"{name} -o new.png", "checked trimap": f"--check {name} -o new.png"}
        if not name.endswith(".tiff"):
            roles["checked trimap's photo"] = f"--check trimap.png {name} -o new.png"
        for role, arguments in roles.items():
            yield BadInput(
                f"{role} {name}", f"trimap {arguments}", message, lambda folder, name=name: make_bad_file(folder, name)
            )


def _mask(kind: str, options: str, message: str) -> BadInput:
    return BadInput(kind, f"trimap trimap.png {options}", message)


CROPPED = content("cropped.png", _png(TRIMAP[:-9]))
SIXTEEN = content("sixteen.png", _png(TRIMAP.astype(np.uint16) * 257))

ROWS = [
    *_file_rows(),
    _mask("mask without output", "", "nothing to write; expected -o, or --check to examine a trimap"),
    _mask("mask with a photo", "photo.png -o new.png",
          "PHOTO has no effect without --check; a trimap is made of a mask alone"),
    _mask("mask, strictly", "-o new.png --strict",
          "--strict has no effect without --check; a trimap is made of a mask alone"),
    _mask("check with erosion", "--check --erode 3", "--erode is for making a trimap, not for --check"),
    _mask("check with a threshold", "--check --foreground 0.9",
          "--foreground is for making a trimap, not for --check"),
    _mask("negative erosion", "-o new.png --erode -1", "erode is '-1'; expected 0 or more pixels"),
    _mask("dilation in other units", "-o new.png --dilate 2px",
          "dilate is '2px'; expected 0 or more pixels, such as 10, or a share of the shorter side, such as '2%'"),
    _mask("threshold above 1", "-o new.png --background 2",
          "expected numbers from 0 to 1, background below foreground"),
    _mask("threshold that is no number", "-o new.png --background nan", "background up to nan and foreground from"),
    _mask("threshold in words", "-o new.png --background gray", "argument --background: invalid float value: 'gray'"),
    _mask("trimap as JPEG", "-o new.jpg", "output 'new.jpg' ends in '.jpg'; expected .png"),
    _mask("trimap into no folder", "-o nowhere/new.png", "there is no such folder"),
    _mask("trimap over a file", "-o photo.png", "output 'photo.png' exists already; choose another name"),
    _mask("trimap over its mask", "-o trimap.png --force", "output 'trimap.png' is an input as well"),
    BadInput("repaired trimap over the photo", "trimap --check trimap.png photo.png -o photo.png --force",
             "output 'photo.png' is an input as well"),
    _mask("mask above the limit of pixels", "-o new.png --max-pixels 1000",
          "mask 'trimap.png' is refused: it would unpack to 3550 of at most 1000 pixels"),
    _mask("trimap, quiet and verbose", "-o new.png --quiet --verbose", "not allowed with argument"),
    BadInput("two inputs from one stream", "trimap --check - - -o new.png", "more than one input is '-'"),
    BadInput("mask in color", "trimap photo.png -o new.png", "mask 'photo.png' is in color and has no transparency"),
    BadInput("photo checked as trimap", "trimap --check photo.png", "Were photo and trimap exchanged?"),
    BadInput("cropped trimap to repair", "trimap --check cropped.png photo.png -o new.png",
             "trimap 'cropped.png' cannot be repaired: the photo is 71 x 50 pixels (width x height), the trimap 71 x",
             CROPPED),
    BadInput("cropped trimap, strictly", "trimap --check cropped.png photo.png --strict",
             "trimap 'cropped.png' is refused: size: the photo is 71 x 50 pixels", CROPPED),
    BadInput("trimap of 16 bits, strictly", "trimap --check sixteen.png --strict -o new.png",
             "trimap 'sixteen.png' is refused: form: Pillow's mode I;16", SIXTEEN),
    BadInput("check of three pictures", "trimap trimap.png --check photo.png more.png",
             "unrecognized arguments: more.png"),
    BadInput("check with an unknown option", "trimap trimap.png --chek photo.png", "unrecognized arguments: --chek"),
    BadInput("no mask", "trimap", "the following arguments are required: MASK"),
]  # fmt: skip
