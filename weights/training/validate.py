"""Score weights folders beside pymatting's methods, on three sets: `compose`'s mixture, what is rare in it, scenes.

`python -m training.validate material.zip vitmatte-tiny`
"""

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

from numpy_vitmatte import set_num_threads
from numpy_vitmatte.matting.metrics import alpha_errors
from numpy_vitmatte.matting.pymatting_kernels import load_pymatting

from .compose import KINDS, Sample
from .infer import predict, predict_upscaled
from .network import build
from .scenes import SCENES
from .validation_set import RARE_KINDS, set_of_kinds, set_of_scenes, validation_set

Method = Callable[[np.ndarray, np.ndarray], np.ndarray]
FORMATS = {"MSE": "{:.4f}", "bias": "{:+.4f}"}


def names_both_sides(trimap: np.ndarray) -> bool:
    """Whether some foreground and some background are known."""
    return bool((trimap == 0).any() and (trimap == 255).any())


def classical(name: str) -> Method:
    """A pymatting estimator as (image uint8, trimap uint8) -> alpha. 0.5 where it has no answer.

    It has none where the trimap knows one side only, or where its solver gives up.
    """
    estimate = getattr(load_pymatting(), f"estimate_alpha_{name}")

    def method(image: np.ndarray, trimap: np.ndarray) -> np.ndarray:
        if not names_both_sides(trimap):
            return np.where(trimap == 128, 0.5, trimap / 255)
        levels = np.where(trimap == 128, 0.5, trimap / 255.0)
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # it talks about its preconditioner; the answers are sound
            try:
                return estimate(image / 255.0, levels)
            except ValueError:  # "did not converge"
                return levels

    return method


def errors(predicted: np.ndarray, sample: Sample) -> dict[str, float]:
    """SAD, Grad and Conn in thousands, MSE and bias (mean of alpha - truth) over the unknown, by name.

    What the trimap knows is taken from there.
    """
    unknown = sample.trimap == 128
    settled = np.where(unknown, np.clip(predicted, 0, 1), sample.trimap / 255.0)
    truth = sample.alpha / 255.0
    found = alpha_errors(settled, truth, unknown)
    bias = float((settled - truth)[unknown].mean())
    return {"SAD": found.sad, "MSE": found.mse / 1000, "Grad": found.grad, "Conn": found.conn, "bias": bias}


def score(method: Method, samples: list[Sample]) -> tuple[dict[str, float], list[dict[str, float]]]:
    """Means over the samples (and seconds per picture), and the row of each sample."""
    rows, began = [], time.monotonic()
    for sample in samples:
        rows.append(errors(method(sample.image, sample.trimap), sample))
    seconds = (time.monotonic() - began) / len(samples)
    means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    return means | {"seconds": seconds}, rows


def by_kind(samples: list[Sample], rows: list[dict[str, float]]) -> str:
    """Mean MSE of each kind, worst first, and its bias in brackets: where the failures are."""
    means = {}
    for kind in {sample.kind for sample in samples}:
        of_kind = [(r["MSE"], r["bias"]) for r, sample in zip(rows, samples, strict=True) if sample.kind == kind]
        means[kind] = np.mean(of_kind, 0)
    worst_first = sorted(means.items(), key=lambda item: -item[1][0])
    return ", ".join(f"{kind} {mse:.4f} ({bias:+.3f})" for kind, (mse, bias) in worst_first)


def where_both_sides_are_named(samples: list[Sample], rows: list[dict[str, float]]) -> str:
    """Mean MSE of the pictures that the classical methods can answer."""
    chosen = [row["MSE"] for row, sample in zip(rows, samples, strict=True) if names_both_sides(sample.trimap)]
    return f"{np.mean(chosen):.4f} in {len(chosen)} pictures" if chosen else "no picture"


def table(methods: dict[str, Method], samples: list[Sample]) -> None:
    """Print a Markdown table of means, then the MSE of each kind and where the trimap names both sides."""
    print("| method | SAD | MSE | Grad | Conn | bias | s per picture |\n|---|---|---|---|---|---|---|", flush=True)
    details = []
    for name, method in methods.items():
        means, rows = score(method, samples)
        cells = (FORMATS.get(error, "{:.3f}").format(value) for error, value in means.items())
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
        details.append(f"MSE (bias) by kind, {name}: {by_kind(samples, rows)}")
        details.append(f"MSE where both sides are named, {name}: {where_both_sides_are_named(samples, rows)}")
    print("\n".join(["", *details, ""]), flush=True)


def main() -> None:
    """Print a table for each set; SAD, Grad and Conn in thousands per picture, MSE per unknown pixel."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("material", type=Path)
    parser.add_argument("folders", type=Path, nargs="*", help="weights folders")
    parser.add_argument("--count", type=int, default=60, help="pictures drawn by `compose`; 0: no such table")
    parser.add_argument("--kinds", nargs="*", default=RARE_KINDS, choices=KINDS, help="a second table, of these kinds")
    parser.add_argument("--per-kind", type=int, default=20, help="pictures of each; 0: no such table")
    parser.add_argument("--scenes", nargs="*", default=list(SCENES), choices=SCENES, help="a third table, of these")
    parser.add_argument("--per-scene", type=int, default=60, help="pictures of each; 0: no such table")
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--methods", nargs="*", default=["cf", "knn", "rw"], help="pymatting's estimate_alpha_<name>")
    parser.add_argument("--upscale", type=float, nargs="*", default=[], help="also with the photo so much larger")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    set_num_threads(args.threads)

    methods: dict[str, Method] = {"0.5 everywhere": lambda image, trimap: np.full(trimap.shape, 0.5)}
    for folder in args.folders:
        model = build(folder)
        methods[folder.name] = partial(predict, model)
        methods |= {f"{folder.name} at {f:g}": partial(predict_upscaled, model, f) for f in args.upscale}
    methods |= {f"pymatting {name}": classical(name) for name in args.methods}
    sets = {
        "As `compose` draws them": validation_set(args.material, args.count, args.size),
        "Of each of " + ", ".join(args.kinds): set_of_kinds(args.material, args.kinds, args.per_kind, args.size),
        "Of each scene of " + ", ".join(args.scenes): set_of_scenes(
            args.material, args.scenes, args.per_scene, args.size
        ),
    }
    for title, drawn in sets.items():
        samples = list(drawn)
        if samples:
            print(f"{title}, {len(samples)} pictures:\n")
            table(methods, samples)


if __name__ == "__main__":
    main()
