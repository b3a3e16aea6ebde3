"""Whether new weights may replace the old: `python -m training.gate material.zip vitmatte-tiny NEW`.

Every kind of scene must be better, no bias may be larger than 0.02, what `compose` draws at most 5 % worse (its rare
kinds too), pictures of 640 and 800 pixels no worse. Contact sheets (`sheets.py`) are for eyes to judge.
Behind a bias stands its standard error, by the scatter of the pictures. The whole takes nine minutes of one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from numpy_vitmatte import set_num_threads

from .compose import Sample
from .infer import predict
from .network import build
from .scenes import SCENES
from .validate import score
from .validation_set import RARE_KINDS, set_of_kinds, set_of_scenes, validation_set

PICTURES = 240
"""Of each kind: among 60 the bias of parts scatters by 0.009 from seed to seed, nearly half of what is allowed."""

LARGE_PICTURES = 72
BIAS_AT_MOST = 0.02
MIXTURE_WORSE_AT_MOST = 1.05


def tables(material: Path) -> Iterator[tuple[str, float, list[Sample]]]:
    """Name, how large the new MSE may be as a part of the old, and the samples of each set."""
    yield "compose, 320 pixels", MIXTURE_WORSE_AT_MOST, list(validation_set(material, PICTURES, 320))
    for size in (640, 800):
        yield f"compose, {size} pixels", 1.0, list(validation_set(material, LARGE_PICTURES, size))
    rare = set_of_kinds(material, RARE_KINDS, PICTURES // len(RARE_KINDS), 320)
    yield "rare kinds", MIXTURE_WORSE_AT_MOST, list(rare)
    for kind in SCENES:
        yield kind, 1.0, list(set_of_scenes(material, [kind], PICTURES, 320))


def main() -> None:
    """Print a Markdown table and the verdict; exit with 1 where the new weights do not pass."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("material", type=Path)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    set_num_threads(args.threads)
    old, new = (partial(predict, build(folder)) for folder in (args.old, args.new))
    failed = []
    print(
        "| pictures | MSE before | after | change | bias before | after | |\n|---|---|---|---|---|---|---|", flush=True
    )
    for name, allowed, samples in tables(args.material):
        (before, _), (after, rows) = (score(method, samples) for method in (old, new))
        change = after["MSE"] / before["MSE"]
        passes = change <= allowed and abs(after["bias"]) <= BIAS_AT_MOST
        failed += [] if passes else [name]
        squared = f"{before['MSE']:.4f} | {after['MSE']:.4f} | {change - 1:+.1%}"
        scatter = np.std([row["bias"] for row in rows]) / np.sqrt(len(rows))
        biases = f"{before['bias']:+.3f} | {after['bias']:+.3f} ± {scatter:.3f}"
        print(f"| {name} | {squared} | {biases} | {'passes' if passes else 'fails'} |", flush=True)
    print(f"\nfails: {', '.join(failed)}" if failed else "\npasses")
    raise SystemExit(bool(failed))


if __name__ == "__main__":
    main()
