"""The bundled checkpoint beside ViTMatte-S: what a smaller network saves, and what both spend on files."""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from materials import put_checkpoint, put_photo, put_pixel_values
from PIL import Image
from records import new_record, save

from numpy_vitmatte import VitMatteForImageMatting, matte, set_num_threads
from numpy_vitmatte.pipeline.photo_to_alpha import DEFAULT_MODEL

Job = Callable[[VitMatteForImageMatting], object]


def run(arguments: argparse.Namespace) -> bool:
    """Measure every size and number of threads; print a table and leave a record for each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        put_checkpoint(folder, arguments.model)
        large = VitMatteForImageMatting.from_pretrained(folder / "checkpoint")
        small = VitMatteForImageMatting.from_pretrained(DEFAULT_MODEL)
        for height, width in arguments.sizes:
            jobs = _jobs(folder, height, width)
            for threads in arguments.threads:
                set_num_threads(threads)
                results = {name: _beside(job, small, large, arguments.rounds) for name, job in jobs.items()}
                record = new_record("bundled", height, width, threads, jobs=results)
                _print(record)
                save(record, arguments.output)
    return True


def _jobs(folder: Path, height: int, width: int) -> dict[str, Job]:
    """The network alone, every pixel unknown; and whole jobs with 17 % unknown, from memory and from files."""
    put_pixel_values(folder, height, width)
    put_photo(folder, height, width, 0.17)
    pixel_values = np.load(folder / "pixel_values.npy")
    png, trimap = folder / "photo.png", folder / "trimap.png"
    photo, clean_trimap = np.asarray(Image.open(png)), np.asarray(Image.open(trimap))
    jpeg = folder / "photo.jpg"
    Image.open(png).save(jpeg, quality=92)
    return {
        "network": lambda model: model(pixel_values),
        "arrays": lambda model: matte(photo, clean_trimap, model),
        "JPEG": lambda model: matte(jpeg, trimap, model),
        "PNG": lambda model: matte(png, trimap, model),
    }


def _beside(
    job: Job, small: VitMatteForImageMatting, large: VitMatteForImageMatting, rounds: int
) -> dict[str, list[float] | float]:
    """Seconds of both in turn, after a run that does not count, and the median of the rounds' ratios."""
    for model in (large, small):
        job(model)
    seconds = [(_seconds(job, large), _seconds(job, small)) for _ in range(rounds)]
    theirs, ours = (list(column) for column in zip(*seconds, strict=True))
    ratio = statistics.median(one / other for other, one in seconds)
    return {"large_seconds": theirs, "small_seconds": ours, "ratio": ratio}


def _seconds(job: Job, model: VitMatteForImageMatting) -> float:
    started = time.perf_counter()
    job(model)
    return time.perf_counter() - started


def _print(record: dict) -> None:
    print(f"{DEFAULT_MODEL} beside ViTMatte-S, {record['height']}x{record['width']}, threads {record['threads']}")
    print(f"{'':<10}{'ViTMatte-S':>14}{DEFAULT_MODEL:>16}{'ratio':>8}{'of fastest':>12}")
    for name, one in record["jobs"].items():
        large, small = one["large_seconds"], one["small_seconds"]
        print(f"{name:<10}{statistics.median(large):>12.4f} s{statistics.median(small):>14.4f} s", end="")
        print(f"{one['ratio']:>8.3f}{min(small) / min(large):>12.3f}")
    print(flush=True)
