"""Weights between those a run began with and those it reached: `python -m training.blend OLD NEW 0.7 BETWEEN`.

A short run on new kinds of pictures forgets some of the old ones. On the line between the two sets of weights most of
what was forgotten comes back before what was learned is lost (Wortsman et al., "Robust fine-tuning of zero-shot
models", CVPR 2022).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .network import Tensors, build, export


def between(old: Tensors, new: Tensors, share: float) -> Tensors:
    """`share` of the way from the old weights to the new ones."""
    return {name: (1 - share) * old[name] + share * tensor for name, tensor in new.items()}


def main() -> None:
    """Write a weights folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("share", type=float, help="0: the old weights, 1: the new ones")
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    old, new = build(args.old), build(args.new)
    export(between(old.tensors, new.tensors, args.share), new.config, args.folder)


if __name__ == "__main__":
    main()
