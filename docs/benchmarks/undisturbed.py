"""The time of a pass that nobody disturbs, on a machine where no second is quiet.

A pass hands out some hundred blocks of work, of a millisecond to a dozen. Among many passes each of them was quiet
once, so the fastest of each are added up, with the fastest of what lies between them.
"""

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from numpy_vitmatte.layers import neck, patch_embed
from numpy_vitmatte.network import blocks, decoder
from numpy_vitmatte.runtime.threads import for_each_block

_MODULES = (patch_embed, blocks, neck, decoder)

Blocks = list[tuple[int, int, float]]
"""For each block of work the number of its loop, where the block begins in it, and its seconds."""


@contextlib.contextmanager
def timed_blocks() -> Iterator[Blocks]:
    """Append each block of work to a list that is empty at first."""
    found: Blocks = []
    loops = itertools.count()

    def for_each_timed_block(function: Callable[[int, int], None], *arguments: int) -> None:
        loop = next(loops)

        def timed(first: int, last: int) -> None:
            started = time.perf_counter()
            function(first, last)
            found.append((loop, first, time.perf_counter() - started))

        for_each_block(timed, *arguments)

    try:
        for module in _MODULES:
            module.for_each_block = for_each_timed_block
        yield found
    finally:
        for module in _MODULES:
            module.for_each_block = for_each_block


def at_best(seconds: Sequence[float], passes: Sequence[Blocks], threads: int) -> float:
    """Return the seconds of an undisturbed pass, from those of several and of their blocks."""
    own = np.array([[block[2] for block in sorted(one)] for one in passes]) / threads
    return float(own.min(axis=0).sum() + (np.array(seconds) - own.sum(axis=1)).min())
