"""Weights between those a run began with and those it reached: `python -m training.blend OLD NEW 0.7 BETWEEN`.

A short run on new kinds of pictures forgets some of the old ones. On the line between the two sets of weights most of
what was forgotten comes back before what was learned is lost (Wortsman et al., "Robust fine-tuning of zero-shot
models", CVPR 2022). The mean of several runs is often better than each (Wortsman et al., "Model soups", ICML 2022).
`--shift` adds to the head's last bias, and so raises alpha wherever it is in doubt: for a bias that most kinds share.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from .network import Tensors, build, export

LAST_BIAS = "decoder.matting_head.matting_convs.3.bias"


def between(old: Tensors, new: Tensors, share: float) -> Tensors:
    """`share` of the way from the old weights to the new ones."""
    return {name: (1 - share) * old[name] + share * tensor for name, tensor in new.items()}


def shifted(tensors: Tensors, shift: float) -> Tensors:
    """The same weights, with alpha's logit that much higher."""
    return {**tensors, LAST_BIAS: tensors[LAST_BIAS] + np.float32(shift)}


def main() -> None:
    """Write a weights folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("share", type=float, help="0: the old weights, 1: the new ones")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shift", type=float, default=0.0, help="added to alpha's logit")
    args = parser.parse_args()
    old, new = build(args.old), build(args.new)
    blend = between(old.tensors, new.tensors, args.share)
    export(shifted(blend, args.shift), new.config, args.folder)


if __name__ == "__main__":
    main()
