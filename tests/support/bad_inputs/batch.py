"""What ``numpy-vitmatte batch`` refuses before it begins; more, around the output folder, in tests/batch."""

import shutil
from pathlib import Path

from support.bad_inputs.row import BadInput

BATCH = "batch photos trimaps -o alphas --model checkpoint"


def _folders(folder: Path) -> None:
    for name in ("photo", "trimap"):
        (folder / f"{name}s").mkdir()
        shutil.copy(folder / f"{name}.png", folder / f"{name}s" / "cat.png")


def _row(kind: str, options: str, message: str) -> BadInput:
    return BadInput(f"batch: {kind}", f"{BATCH} {options}", message, _folders)


ROWS = [
    BadInput("batch: no folders", BATCH, "photo folder 'photos': no such folder"),
    _row("profile of nobody", "--profile rembg", "argument --profile: invalid choice: 'rembg'"),
    _row("max side too small", "--max-side 31", "max_side is 31; expected a whole number of pixels, 32 or more"),
    _row("max side in words", "--max-side small", "argument --max-side: invalid int value: 'small'"),
    _row("no amount of memory", "--max-memory lots", "'lots' is not an amount of memory; give bytes, or for example"),
    _row("too little memory", "--max-memory 100MB",
         "100MB of memory are not enough for the command and 1 worker, which take"),
    _row("too little memory for its workers", "--max-memory 250MB --workers 9 --threads 1",
         "are not enough for the command and 1 worker,"),
    _row("no amount of memory for a cluster", "--max-memory 0 --scheduler tcp://127.0.0.1:1",
         "'0' is not an amount of memory"),
    _row("pixels below zero", "--max-pixels -1", "the limit of pixels is -1; expected a whole number"),
    _row("pixels in words", "--max-pixels many", "argument --max-pixels: invalid int value: 'many'"),
]  # fmt: skip
