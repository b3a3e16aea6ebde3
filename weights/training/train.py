"""Train or continue: `python -m training.train material.zip run_folder --steps 4000 --crop 256 512 --batch 8 2`.

The run folder receives `state.safetensors` (everything needed to continue), `log.csv`, `log.png` and `export/`. Each
step draws one of the crops. Running the same command again continues; --crop, --batch, --lr and --steps may change
between sittings.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from numpy_vitmatte import set_num_threads
from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.runtime.recycling import recycling
from numpy_vitmatte.training import clip_by_norm, warmup_cosine
from numpy_vitmatte.training.losses import Loss, recipe_loss
from numpy_vitmatte.training.state_file import STATE_FILE, read_state

from .data import Batch, Source, batches
from .log import Log, plot
from .material import read_material
from .network import build, export
from .quick_check import QuickCheck
from .state import Run


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("material", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--init", type=Path, help="exported weights to begin with when the folder has no state")
    parser.add_argument("--steps", type=int, default=4000, help="steps in all, over all sittings: the cosine's length")
    parser.add_argument("--last-step", type=int, help="stop here, with the schedule unfinished")
    parser.add_argument("--stop-after", type=float, default=math.inf, help="minutes of this sitting")
    parser.add_argument("--crop", type=int, nargs="+", default=[256], help="sides of the training pictures, "
                        "multiples of 32; each step draws one of them")  # fmt: skip
    parser.add_argument("--batch", type=int, nargs="+", default=[8], help="pictures of a step, for each of the crops")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--final-lr", type=float, default=0.02, help="last rate as a part of --lr")
    parser.add_argument("--warmup", type=int, default=200)
    parser.add_argument("--average", type=float, default=0.998, help="decay of the weights' moving average")
    parser.add_argument("--frozen-norms", action="store_true", help="batch norms keep their means and variances: for "
                        "batches of few pictures, late in a run")  # fmt: skip
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--save-minutes", type=float, default=3)
    parser.add_argument("--log-every", type=int, default=1000, help="steps between validations")
    parser.add_argument("--check", type=int, nargs=2, default=(32, 256), help="validation samples, and their side")
    return parser.parse_args()


def main() -> None:
    """Prepare, then step until --steps or --stop-after."""
    try:
        train(arguments())
    except VitMatteError as error:
        raise SystemExit(f"error: {error}") from None


def train(args: argparse.Namespace) -> None:
    """Train until --steps or --stop-after."""
    material, state = read_material(args.material), args.folder / STATE_FILE
    print(material.describe(), flush=True)
    args.folder.mkdir(parents=True, exist_ok=True)
    taken = read_state(state).words["step"] if state.exists() else 0
    # Workers are forked before any kernel runs: a process that has threads had better not be.
    drawn = batches(Source(material, crops(args), args.seed, taken), args.workers)
    set_num_threads(args.threads)
    run = Run(build(args.init, args.seed))
    if state.exists():
        run.load(state)
        print(f"continues after step {run.step}, {run.samples} samples", flush=True)
    if args.frozen_norms:
        run.freeze_norms()
    run.average.decay = args.average
    check = QuickCheck(read_material(args.material, held_back=True), *args.check)
    with recycling():
        sitting(run, drawn, args, check)
    finish(run, args)


def crops(args: argparse.Namespace) -> list[tuple[int, int]]:
    """Sides, each with the pictures of a step."""
    if len(args.crop) != len(args.batch):
        raise VitMatteError(
            f"--crop has {len(args.crop)} sides and --batch {len(args.batch)} counts; give one for each"
        )
    return list(zip(args.crop, args.batch, strict=True))


def sitting(run: Run, drawn: Iterator[Batch], args: argparse.Namespace, check: QuickCheck) -> None:
    """Steps until the end of the schedule or of the time; logs, validates and saves on the way."""
    log = Log(args.folder / "log.csv")
    began = last = saved = time.monotonic()
    seen = run.samples
    before, end = run.seconds, min(args.steps, args.last_step or args.steps)
    while run.step < end and time.monotonic() - began <= args.stop_after * 60:
        log.add(step(run, next(drawn), args))
        run.seconds = before + time.monotonic() - began
        if run.step % 50 == 0:
            now = time.monotonic()
            log.say(run, (run.samples - seen) / (now - last))
            last, seen = now, run.samples
        if run.step % args.log_every == 0:
            log.write(run, args.crop, check(run.averaged_model()))
            last, seen = time.monotonic(), run.samples
        if time.monotonic() - saved > args.save_minutes * 60:
            run.save(args.folder / STATE_FILE)
            saved = time.monotonic()


def step(run: Run, batch: Batch, args: argparse.Namespace) -> dict[str, float]:
    """One update; returns the losses' parts."""
    parts: dict[str, float] = {}

    def loss(predicted: np.ndarray, alphas: np.ndarray, unknown: np.ndarray) -> Loss:
        found = recipe_loss(predicted, alphas, unknown)
        parts.update(found.parts)
        priced = run.biases.gradient(predicted, alphas, unknown, batch.kinds)
        return found._replace(gradient=found.gradient + priced)

    _, gradients = run.model.gradients(batch.pixels, batch.alphas, frozen_norms=args.frozen_norms, loss=loss)
    if not args.frozen_norms:
        run.take_statistics()
    clip_by_norm(gradients, 1.0)
    run.optimizer.lr = args.lr * warmup_cosine(run.step, args.steps, args.warmup, args.final_lr)
    run.optimizer.step(gradients)
    run.model.update_parameters(run.tensors)
    run.average.update(run.tensors)
    run.step += 1
    run.samples += len(batch.pixels)
    return parts


def finish(run: Run, args: argparse.Namespace) -> None:
    """Save, export the average, plot the log."""
    run.save(args.folder / STATE_FILE)
    export(run.average.tensors, run.model.config, args.folder / "export")
    plot(args.folder / "log.csv", args.folder / "log.png")
    print(f"stopped after step {run.step}, {run.samples} samples, {run.seconds / 3600:.2f} h", flush=True)


if __name__ == "__main__":
    main()
