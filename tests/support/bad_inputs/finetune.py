"""What ``numpy-vitmatte finetune`` refuses before it begins; what goes wrong later is in tests/training/finetuning."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from support.bad_inputs.row import BadInput

FINETUNE = "finetune photos alphas -o new --model checkpoint --crop 64"


def _folders(folder: Path) -> None:
    """Four photos and their alphas."""
    trimap = np.asarray(Image.open(folder / "trimap.png").convert("L"))
    for name in ("photos", "alphas"):
        (folder / name).mkdir()
    for number in range(4):
        shutil.copy(folder / "photo.png", folder / "photos" / f"{number}.png")
        Image.fromarray(trimap).save(folder / "alphas" / f"{number}.png")


def _alpha(change: Callable[[np.ndarray], np.ndarray], suffix: str = "png") -> Callable[[Path], None]:
    """Change the alpha of picture 2."""

    def prepare(folder: Path) -> None:
        _folders(folder)
        path = folder / "alphas" / "2.png"
        alpha = change(np.asarray(Image.open(path)))
        path.unlink()
        if suffix == "npy":
            np.save(path.with_suffix(".npy"), alpha)
        else:
            Image.fromarray(alpha).save(path)

    return prepare


def _without(name: str) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        _folders(folder)
        (folder / name).unlink()

    return prepare


def _with_folder(name: str) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        _folders(folder)
        (folder / name).mkdir()

    return prepare


def _known_trimaps(folder: Path) -> None:
    _folders(folder)
    (folder / "trimaps").mkdir()
    for number in range(4):
        alpha = Image.open(folder / "alphas" / f"{number}.png")
        alpha.point(lambda level: 255 if level == 255 else 0).save(folder / "trimaps" / f"{number}.png")


def _row(kind: str, options: str, message: str, prepare: Callable[[Path], None] = _folders) -> BadInput:
    return BadInput(f"finetune: {kind}", f"{FINETUNE} {options}", message, prepare)


def _red(alpha: np.ndarray) -> np.ndarray:
    return np.stack([alpha, 0 * alpha, 0 * alpha], axis=-1)


ROWS = [
    BadInput("finetune: no folders", FINETUNE, "photo folder 'photos': no such folder"),
    _row("a photo without an alpha", "", "1 of 4 stems do not match, such as '2': no true alpha of that stem",
         _without("alphas/2.png")),
    _row("an alpha without a photo", "", "no photo of that stem", _without("photos/2.png")),
    _row("an alpha in color", "", "is in color and has no transparency", _alpha(_red)),
    _row("an alpha of another size", "", "expected the same size", _alpha(lambda alpha: alpha[1:])),
    _row("an alpha with NaN", "", "2.npy", _alpha(lambda alpha: np.full(alpha.shape, np.nan), "npy")),
    _row("an alpha beyond one", "", "expected (height, width) and values in [0, 1]",
         _alpha(lambda alpha: alpha / 100, "npy")),
    _row("an alpha of levels", "", "expected floats in [0, 1]", _alpha(lambda alpha: alpha, "npy")),
    _row("an alpha without an edge", "", "2.png' has no edge", _alpha(np.zeros_like)),
    _row("trimaps that know everything", "--trimaps trimaps", "marks nothing as unknown", _known_trimaps),
    _row("no backgrounds", "--backgrounds nowhere", "background folder 'nowhere': no such folder"),
    _row("an empty folder of backgrounds", "--backgrounds empty", "there are no pictures in background folder 'empty'",
         _with_folder("empty")),
    _row("an output that exists", "", "output 'new' exists already", _with_folder("new")),
    _row("an output in no folder", "-o nowhere/new", "there is no such folder as 'nowhere'"),
    _row("rounded products", "--precision medium", "precision is 'medium', but gradients are"),
    _row("no precision", "--precision best", "precision is 'best'; expected highest, high or medium"),
    _row("a crop between", "--crop 100", "crop is 100; expected a multiple of 32, 64 or more"),
    _row("no steps", "--steps 0", "steps is 0; expected a whole number, 1 or more"),
    _row("no time", "--minutes 0", "minutes is 0.0; expected a number above 0"),
    _row("both lengths", "--steps 5 --minutes 5", "not allowed with argument"),
    _row("no batch", "--batch 0", "batch is 0"),
    _row("no rate", "--lr nan", "lr is nan; expected a number above 0"),
    _row("all held back", "--validate 1", "validate is 1.0; expected a part of the pictures, 0 to 0.9"),
    _row("no amount of memory", "--max-memory lots", "'lots' is not an amount of memory"),
    _row("too little memory", "--max-memory 150MB", "4 squares of 64 pixels take"),
    _row("another part", "--train neck", "invalid choice: 'neck'"),
    _row("another checkpoint", "--model nothing", "'nothing' is neither a bundled checkpoint"),
]  # fmt: skip
