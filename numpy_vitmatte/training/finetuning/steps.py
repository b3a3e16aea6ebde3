"""The steps of a run: draw, gradients, move the weights, remember; from wherever the state is to the end."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.images.writing import text_writer, write_together
from numpy_vitmatte.pipeline.loaded_checkpoint import LoadedCheckpoint
from numpy_vitmatte.training.finetuning.material import Material
from numpy_vitmatte.training.finetuning.report import log_csv, with_row
from numpy_vitmatte.training.finetuning.samples import draw_batch
from numpy_vitmatte.training.finetuning.settings import PARTS, Settings
from numpy_vitmatte.training.finetuning.state import RunState
from numpy_vitmatte.training.optimizer import clip_by_norm, warmup_cosine

LOG_FILE = "log.csv"
SAVE_SECONDS = 60.0
STEPS_IN_A_ROW = 10
WARMUP = 20
LONGEST_GRADIENT = 1.0
FINAL_RATE = 0.02
MEASURED_STEPS = 5
"""Steps after which those in all are told from the minutes; the first does not count: kernels may be compiled in it."""


class Progress(NamedTuple):
    """The progress of a run: steps done and in all (None: not known yet), their seconds, and the last step's loss."""

    step: int
    steps: int | None
    seconds: float
    loss: float


Listener = Callable[[Progress], None]


def take_steps(
    state: RunState,
    settings: Settings,
    material: Material,
    checkpoint: LoadedCheckpoint,
    folder: Path,
    listen: Listener,
) -> None:
    """Take the steps that are left, and save the state from time to time and at the end.

    The model of ``checkpoint`` always has the state's tensors.

    Raises
    ------
    VitMatteError
        If a picture can no longer be read, the loss is no longer a number, or the state cannot be written.
    """
    began, before, saved = time.monotonic(), state.seconds, time.monotonic()
    first_step = state.step + 1
    measured = math.nan
    while state.steps is None or state.step < state.steps:
        loss = _step(state, settings, material, checkpoint)
        state.losses.append(loss)
        now = time.monotonic()
        state.seconds = before + now - began
        if state.step == first_step:
            measured = state.seconds
        finished = state.step == state.steps
        if state.step % STEPS_IN_A_ROW == 0 or finished:
            mean = sum(state.losses) / len(state.losses)
            state.rows = with_row(state.rows, state.step, state.seconds, state.optimizer.lr, mean)
            state.losses.clear()
        listen(Progress(state.step, state.steps, state.seconds, loss))
        decided = state.steps is None and state.step >= first_step + MEASURED_STEPS
        if decided:
            state.steps = _steps_in_all(state, measured, first_step, settings)
        if finished or decided or now - saved >= SAVE_SECONDS:
            save(state, folder)
            saved = now


def save(state: RunState, folder: Path) -> None:
    """Write the state, and the log next to it.

    Raises
    ------
    VitMatteError
        If one of them cannot be written.
    """
    state.save(folder)
    write_together({folder / LOG_FILE: text_writer(log_csv(state.rows))})


def _step(state: RunState, settings: Settings, material: Material, checkpoint: LoadedCheckpoint) -> float:
    """Take one step."""
    steps = math.inf if state.steps is None else state.steps
    batch = draw_batch(material, state.step, settings.batch, settings.crop, settings.seed)
    model = checkpoint.model
    pixels = checkpoint.processor(batch.photos, batch.trimaps, return_tensors="np").pixel_values
    loss, gradients = model.gradients(pixels, batch.alphas, train=PARTS[settings.train])
    if not math.isfinite(loss):
        raise VitMatteError(f"the loss is {loss} after step {state.step}: try a smaller lr than {settings.lr:g}")
    clip_by_norm(gradients, LONGEST_GRADIENT)
    state.optimizer.lr = settings.lr * warmup_cosine(state.step, steps, WARMUP, FINAL_RATE)
    state.optimizer.step(gradients)
    model.update_parameters(state.tensors)
    state.average.update(state.tensors)
    state.step += 1
    return loss


def _steps_in_all(state: RunState, measured: float, first_step: int, settings: Settings) -> int:
    """Tell from the steps so far how many fit into the minutes."""
    assert settings.minutes is not None
    each = (state.seconds - measured) / (state.step - first_step)
    return state.step + max(1, int((60 * settings.minutes - state.seconds) / each))
