"""Score a weights folder beside pymatting's methods: `python -m training.validate material.zip ../vitmatte-tiny`."""

from __future__ import annotations

import argparse
import contextlib
import io
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from .infer import load, predict
from .metrics import all_metrics
from .validation_set import validation_set

Method = Callable[[np.ndarray, np.ndarray], np.ndarray]


def classical(name: str) -> Method:
    """A pymatting estimator as (image uint8, trimap uint8) -> alpha. A trimap without one side is answered by 0.5."""
    import pymatting

    estimate = getattr(pymatting, f"estimate_alpha_{name}")

    def method(image: np.ndarray, trimap: np.ndarray) -> np.ndarray:
        if not (trimap == 0).any() or not (trimap == 255).any():
            return np.where(trimap == 128, 0.5, trimap / 255)
        levels = np.where(trimap == 128, 0.5, trimap / 255.0)
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # it talks about its preconditioner; the answers are sound
            return estimate(image / 255.0, levels)

    return method


def score(method: Method, samples: list) -> tuple[dict[str, float], list[dict[str, float]]]:
    """Means over the samples (and seconds per picture), and the row of each sample."""
    rows, began = [], time.monotonic()
    for sample in samples:
        rows.append(all_metrics(method(sample.image, sample.trimap), sample.alpha / 255.0, sample.trimap))
    seconds = (time.monotonic() - began) / len(samples)
    means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    return means | {"seconds": seconds}, rows


def by_kind(samples: list, rows: list[dict[str, float]]) -> str:
    """Mean MSE of each kind of shape, worst first: where the failures are."""
    kinds = {sample.kind for sample in samples}
    means = {k: np.mean([r["MSE"] for r, s in zip(rows, samples, strict=True) if s.kind == k]) for k in kinds}
    return ", ".join(f"{kind} {value:.4f}" for kind, value in sorted(means.items(), key=lambda item: -item[1]))


def main() -> None:
    """Print a Markdown table; SAD, Grad and Conn in thousands per picture, MSE per unknown pixel."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("material", type=Path)
    parser.add_argument("folders", type=Path, nargs="*", help="weights folders")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--methods", nargs="*", default=["cf", "knn", "rw"], help="pymatting's estimate_alpha_<name>")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    samples = list(validation_set(args.material, args.count, args.size))
    methods: dict[str, Method] = {"0.5 everywhere": lambda image, trimap: np.full(trimap.shape, 0.5)}
    for folder in args.folders:
        methods[folder.name] = partial(predict, load(folder))
    methods |= {f"pymatting {name}": classical(name) for name in args.methods}
    print("| method | SAD | MSE | Grad | Conn | s per picture |\n|---|---|---|---|---|---|", flush=True)
    kinds = []
    for name, method in methods.items():
        means, rows = score(method, samples)
        print(f"| {name} | " + " | ".join(f"{v:.3f}" if k != "MSE" else f"{v:.4f}" for k, v in means.items()) + " |")
        kinds.append(f"MSE by kind, {name}: {by_kind(samples, rows)}")
    print("\n".join(["", *kinds]))


if __name__ == "__main__":
    main()
