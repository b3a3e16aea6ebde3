"""Train or continue: `python -m training.train material.zip run_folder --steps 4000 --crop 256 --batch 8`.

The run folder receives `state.pt` (everything needed to continue), `log.csv`, `log.png` and `export/`.
Running the same command again continues; --crop, --batch, --lr and --steps may change between sittings.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import torch

from . import losses
from .bfloat16 import refuse_if_wrong
from .data import loader, to_tensors
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
    parser.add_argument("--init", type=Path, help="exported weights to begin with when the folder has no state.pt")
    parser.add_argument("--steps", type=int, default=4000, help="steps in all, over all sittings: the cosine's length")
    parser.add_argument("--last-step", type=int, help="stop here, with the schedule unfinished")
    parser.add_argument("--stop-after", type=float, default=math.inf, help="minutes of this sitting")
    parser.add_argument("--crop", type=int, default=256, help="side of the training pictures, a multiple of 32")
    parser.add_argument("--batch", type=int, default=8)
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
    parser.add_argument("--bfloat16", action="store_true", help="bfloat16 forward on a CPU that has it: 1.1 to 2.6 x")
    parser.add_argument("--check", type=int, nargs=2, default=(32, 256), help="validation samples, and their side")
    return parser.parse_args()


def learning_rate(step: int, args: argparse.Namespace) -> float:
    """Linear warm-up, then a cosine down to `final_lr` of the peak."""
    warm = min(1.0, (step + 1) / args.warmup)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / args.steps)))
    return args.lr * warm * (args.final_lr + (1 - args.final_lr) * cosine)


def main() -> None:
    """Prepare, then step until --steps or --stop-after."""
    args = arguments()
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    material = read_material(args.material)
    print(material.describe(), "on", device, flush=True)
    model = build(args.init).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.05, betas=(0.9, 0.99))
    run = Run(model, optimizer)
    args.folder.mkdir(parents=True, exist_ok=True)
    if (args.folder / "state.pt").exists():
        run.load(args.folder / "state.pt", device)
        print(f"continues after step {run.step}, {run.samples} samples", flush=True)
    if args.frozen_norms:
        run.freeze_norms()
    check = QuickCheck(read_material(args.material, held_back=True), *args.check)
    if computes_in_bfloat16(args, device):
        known = [to_tensors(sample) for sample in check.samples[:4]]
        refuse_if_wrong(run.model, tuple(torch.stack(part).to(device) for part in zip(*known, strict=True)))
    batches = loader(material, args.crop, args.batch, args.seed, run.samples, args.workers)
    sitting(run, batches, args, device, check)
    finish(run, args)


def computes_in_bfloat16(args: argparse.Namespace, device: torch.device) -> bool:
    """Whether the forward pass does."""
    return bool(args.bfloat16) or device.type == "cuda"


def sitting(run: Run, batches, args: argparse.Namespace, device: torch.device, check: QuickCheck) -> None:
    """Steps until the end of the schedule or of the time; logs, validates and saves on the way."""
    log = Log(args.folder / "log.csv")
    began = last = saved = time.monotonic()
    before, end = run.seconds, min(args.steps, args.last_step or args.steps)
    for batch in batches:
        if run.step >= end or time.monotonic() - began > args.stop_after * 60:
            break
        parts = step(run, batch, args, device)
        log.add(parts)
        run.seconds = before + time.monotonic() - began
        if run.step % 50 == 0:
            now = time.monotonic()
            log.say(run, 50 * args.batch / (now - last), run.optimizer.param_groups[0]["lr"])
            last = now
        if run.step % args.log_every == 0:
            log.write(run, args.crop, check(run.averaged_model()))
            last = time.monotonic()
        if time.monotonic() - saved > args.save_minutes * 60:
            run.save(args.folder / "state.pt")
            saved = time.monotonic()


def step(run: Run, batch: list[torch.Tensor], args: argparse.Namespace, device: torch.device) -> dict[str, float]:
    """One update; returns the losses' parts. The forward pass may run in bfloat16, the losses in float32."""
    pixels, alpha, trimap = (tensor.to(device, non_blocking=True) for tensor in batch)
    for group in run.optimizer.param_groups:
        group["lr"] = learning_rate(run.step, args)
    with torch.autocast(device.type, torch.bfloat16, enabled=computes_in_bfloat16(args, device)):
        predicted = run.model(pixel_values=pixels.contiguous(memory_format=torch.channels_last)).alphas
    loss, parts = losses.total(predicted.float(), alpha, trimap)
    run.optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
    run.optimizer.step()
    run.step += 1
    run.samples += len(pixels)
    run.update_average(args.average)
    return parts


def finish(run: Run, args: argparse.Namespace) -> None:
    """Save, export the average, plot the log."""
    run.save(args.folder / "state.pt")
    export({name: value.cpu() for name, value in run.average.items()}, args.folder / "export")
    plot(args.folder / "log.csv", args.folder / "log.png")
    print(f"stopped after step {run.step}, {run.samples} samples, {run.seconds / 3600:.2f} h", flush=True)


if __name__ == "__main__":
    main()
