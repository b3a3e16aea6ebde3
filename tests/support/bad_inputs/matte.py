"""What ``numpy-vitmatte matte`` refuses: photos, trimaps, outputs and options."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from support.bad_images import BAD_FILES, make_bad_file
from support.bad_inputs.row import BadInput, content, directory, loop
from support.matting_job import PHOTO, TRIMAP

MATTE = "matte photo.png trimap.png --model checkpoint"


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _image(array: np.ndarray, kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind)
    return file.getvalue()


JPEG = _image(PHOTO, "JPEG")


def _bad_file(name: str):
    return lambda folder: make_bad_file(folder, name)


def _image_rows():
    """The files of ``bad_images``, each as photo and as trimap."""
    for name, (_, message) in BAD_FILES.items():
        for role, arguments in (("photo", f"{name} trimap.png"), ("trimap", f"photo.png {name}")):
            command = f"matte {arguments} -o alpha.png --model checkpoint"
            yield BadInput(f"{role} {name}", command, message, _bad_file(name))


def _photo(kind: str, name: str, message: str, prepare) -> BadInput:
    return BadInput(kind, f"matte {name} trimap.png -o alpha.png --model checkpoint", message, prepare)


def _trimap(kind: str, name: str, message: str, prepare) -> BadInput:
    return BadInput(kind, f"matte photo.png {name} -o alpha.png --model checkpoint", message, prepare)


def _usage(kind: str, more: str, message: str, prepare=None) -> BadInput:
    return BadInput(kind, f"{MATTE} {more}", message, prepare)


def _link_to_photo(folder: Path) -> None:
    (folder / "link.png").symlink_to("photo.png")


def _dangling(folder: Path) -> None:
    (folder / "alpha.png").symlink_to("not-there.png")


ROWS = [
    *_image_rows(),
    _photo("truncated JPEG", "cut.jpg", "photo 'cut.jpg' is damaged and cannot be decoded: image file is truncated",
           content("cut.jpg", JPEG[: len(JPEG) // 2])),
    _photo("JPEG without pixels", "head.jpg", "photo 'head.jpg' cannot be read", content("head.jpg", JPEG[:100])),
    _photo("NaN in a .npy", "nan.npy", "photo holds 10650 NaN or infinite values of 10650",
           content("nan.npy", _npy(np.full((50, 71, 3), np.nan)))),
    _photo("objects in a .npy", "objects.npy", "photo 'objects.npy' cannot be read: Object arrays cannot be loaded",
           content("objects.npy", _npy(np.array([{}, None], dtype=object)))),
    _photo("photo is a loop of links", "loop.png", "photo 'loop.png' cannot be read: [Errno", loop("loop.png")),
    _photo("photo is a device without an end", "/dev/null", "photo '/dev/null' is not an image", None),
    _photo("photo's name is too long", "a" * 300 + ".png", "cannot be read: [Errno", None),
    _trimap("trimap is a loop of links", "loop.png", "trimap 'loop.png' cannot be read: [Errno", loop("loop.png")),
    _trimap("trimap of another size", "small.png",
            "photo is 71 x 50 pixels (width x height), its trimap 70 x 50; expected the same size",
            content("small.png", _image(TRIMAP[:, 1:], "PNG"))),
    _trimap("trimap turned", "turned.png", "its trimap 50 x 71, one of them turned by 90 degrees",
            content("turned.png", _image(TRIMAP.T.copy(), "PNG"))),
    _trimap("trimap in color", "photo.png", "trimap 'photo.png' is in color (red, green and blue differ", None),
    BadInput("photo and trimap exchanged", "matte trimap.png photo.png -o alpha.png --model checkpoint",
             "Were photo and trimap exchanged?"),
    _usage("unknown suffix", "-o alpha.jpg",
           "output 'alpha.jpg' ends in '.jpg'; expected .png, .webp, .tif, .tiff or .npy"),
    _usage("no suffix", "-o alpha", "output 'alpha' has no ending; expected .png, .webp, .tif, .tiff or .npy"),
    _usage("empty output", "-o .", "output '.' has no ending"),
    _usage("no such folder", "-o nowhere/alpha.png",
           "output 'nowhere/alpha.png': there is no such folder; create it first"),
    _usage("output's folder is a file", "-o photo.png/alpha.png", "there is no such folder"),
    _usage("output's folder is a loop of links", "-o loop/alpha.png", "there is no such folder", loop("loop")),
    _usage("output is a directory", "-o alpha.png", "output 'alpha.png' is a directory", directory("alpha.png")),
    _usage("output exists", "-o alpha.png", "exists already; choose another name, or overwrite it with --force",
           content("alpha.png", b"precious")),
    _usage("output is a link to nowhere", "-o alpha.png", "output 'alpha.png' exists already", _dangling),
    _usage("output is a loop of links", "-o loop.png", "output 'loop.png' exists already", loop("loop.png")),
    _usage("output's name is too long", f"-o {'a' * 300}.png", "cannot be written: File name too long"),
    _usage("output is an input", "-o trimap.png --force",
           "output 'trimap.png' is an input as well; choose another name"),
    _usage("output is a link to an input", "-o link.png --force", "output 'link.png' is an input as well",
           _link_to_photo),
    _usage("bits of a .npy", "-o alpha.npy --bits 8",
           "--bits is for the .png or .tif of an alpha or a cut-out; there is none"),
    _usage("bits that no PNG has", "-o alpha.png --bits 12", "argument --bits: invalid choice: 12"),
    _usage("no threads", "-o alpha.png --threads 0", "the number of threads is 0"),
    _usage("threads in words", "-o alpha.png --threads all", "argument --threads: invalid int value: 'all'"),
    _usage("max side too small", "-o alpha.png --max-side 31",
           "max_side is 31; expected a whole number of pixels, 32 or more"),
    _usage("max side with a fraction", "-o alpha.png --max-side 2.5", "argument --max-side: invalid int value: '2.5'"),
    _usage("no amount of memory", "-o alpha.png --max-memory 2GX", "'2GX' is not an amount of memory; give bytes, or"),
    _usage("too little memory", "-o alpha.png --max-memory 50MB",
           "a photo of 71 x 50 pixels takes"),
    _usage("too little memory and what to do", "-o alpha.png --max-memory 51MB",
           "allow more, or have the alpha computed at fewer pixels with --max-side"),
    _usage("upscale too large", "-o alpha.png --upscale 5",
           "upscale is 5.0; expected a number from 1 to 4, such as 1.5"),
    _usage("upscale that is no number", "-o alpha.png --upscale two",
           "argument --upscale: invalid float value: 'two'"),
    _usage("smaller and larger at once", "-o alpha.png --upscale 2 --max-side 64",
           "max_side=64 shows the network fewer pixels than the photo has, and upscale=2.0 more; give one of them"),
    _usage("too little memory at a smaller size", "-o alpha.png --max-memory 50MB --max-side 32",
           "a photo of 71 x 50 pixels, computed at 32 x 23, takes"),
    _usage("too little memory for two outputs", "-o alpha.png --trust map.png --max-memory 50MB",
           "a photo of 71 x 50 pixels takes"),
    _usage("pixels below zero", "-o alpha.png --max-pixels -1", "the limit of pixels is -1; expected a whole number"),
    _usage("photo above the limit of pixels", "-o alpha.png --max-pixels 1000",
           "photo 'photo.png' is refused: it would unpack to 3550 of at most 1000 pixels"),
    _usage("quiet and verbose", "-o alpha.png --quiet --verbose", "not allowed with argument --quiet"),
    _usage("no output", "", "nothing to write; expected -o, --cutout, --composite or --trust"),
    _usage("one file too many", "more.png -o alpha.png", "unrecognized arguments: more.png"),
    _usage("unknown option", "-o alpha.png --tta", "unrecognized arguments: --tta"),
    BadInput("no trimap", "matte photo.png -o alpha.png", "a photo is matted with a trimap or with a mask; neither"),
    _usage("trimap and mask", "--mask trimap.png -o alpha.png", "a trimap or with a mask; both are given"),
    _usage("widths without a mask", "--erode 3 -o alpha.png", "erode and dilate are for a mask"),
    _usage("no such depth", "-o alpha.png --depth 11", "argument --depth: invalid choice: 11"),
    _photo("URL for a photo", "https://example.org/cat.jpg", "cat.jpg': URLs are not fetched; download it first", None),
    _trimap("URL for a trimap", "s3://bucket/cat.png", "cat.png': URLs are not fetched; download it first", None),
    _trimap("URL for an array", "http://example.org/a.npy", "a.npy': URLs are not fetched; download it first", None),
    BadInput("URL for a mask", "matte photo.png --mask file:///m.png -o alpha.png --model checkpoint",
             "m.png': URLs are not fetched; download it first"),
    BadInput("URL for a checkpoint", "matte photo.png trimap.png -o alpha.png --model https://example.org/a/b/c",
             "is a URL, which is not fetched; give a directory, or owner/name"),
    BadInput("no command", "", "the following arguments are required: COMMAND (see numpy-vitmatte --help)"),
    BadInput("unknown command", "mat", "invalid choice: 'mat'"),
]  # fmt: skip
