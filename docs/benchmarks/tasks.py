"""What is measured: a task is loaded once and then run, and timed, again and again."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import training_steps
from competitors import EVERYBODY, OURS
from PIL import Image

# Gives the alphas; what it needs is loaded.
Run = Callable[[], np.ndarray]


def load_forward(name: str, task: Path, threads: int) -> Run:
    """One call of the model on ``pixel_values.npy``."""
    pixel_values = np.load(task / "pixel_values.npy")
    forward = EVERYBODY[name](task, threads)
    return lambda: forward(pixel_values)


def load_job(name: str, task: Path, threads: int) -> Run:
    """From ``photo.png`` and ``trimap.png``, both read, to the alpha, as each one's users write it."""
    photo, trimap = (Image.open(task / file) for file in ("photo.png", "trimap.png"))
    photo.load()
    trimap.load()
    if name.startswith(OURS):
        from numpy_vitmatte import VitMatteForImageMatting, matte, set_num_threads

        set_num_threads(threads)
        precision = name.removeprefix(OURS).removeprefix("-") or "highest"
        model = VitMatteForImageMatting.from_pretrained(task / "checkpoint", precision=precision)
        return lambda: matte(photo, trimap, model)
    forward = EVERYBODY[name](task, threads)
    from transformers.models.vitmatte.image_processing_pil_vitmatte import VitMatteImageProcessorPil

    processor = VitMatteImageProcessorPil.from_pretrained(task / "checkpoint")

    def job() -> np.ndarray:
        inputs = processor(images=photo, trimaps=trimap, return_tensors="np")
        return known_pixels_set(forward(inputs["pixel_values"]), np.asarray(trimap))

    return job


def known_pixels_set(alphas: np.ndarray, trimap: np.ndarray) -> np.ndarray:
    """(1, 1, H or more, W or more) alphas without the padding, (H, W), and 0 and 1 where the trimap says so."""
    height, width = trimap.shape
    alpha = alphas[0, 0, :height, :width].copy()
    alpha[trimap == 0] = 0
    alpha[trimap == 255] = 1
    return alpha


def load_training(name: str, task: Path, threads: int) -> Run:
    """One step of training on ``pixel_values.npy`` and ``labels.npy``; its alphas are those before the step."""
    pixel_values, labels = np.load(task / "pixel_values.npy"), np.load(task / "labels.npy")
    load = training_steps.load_ours if name == OURS else training_steps.load_torch
    step = load(task / "checkpoint", threads)
    return lambda: step(pixel_values, labels)


TASKS: dict[str, Callable[[str, Path, int], Run]] = {
    "forward": load_forward,
    "job": load_job,
    "training": load_training,
}
