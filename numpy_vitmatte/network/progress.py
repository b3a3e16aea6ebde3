"""Progress of a forward pass: transformer blocks and the decoder's bands are counted by their arithmetic."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from numpy_vitmatte.network.decoder_plan import Band
from numpy_vitmatte.network.needed_cells import area
from numpy_vitmatte.network.parameters import NetworkParameters

_listener: ContextVar[Callable[[float], None] | None] = ContextVar("progress", default=None)


@contextmanager
def progress_to(listener: Callable[[float], None]) -> Iterator[None]:
    """Report the progress of the passes that begin in the block's own thread or task.

    Parameters
    ----------
    listener : callable
        Called in the thread of the pass with the share that is done, which grows to 1 for each image.
    """
    before = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(before)


class Steps:
    """The steps of one pass, for a listener if there is one.

    Parameters
    ----------
    costs : sequence of float
        The cost of each step, in any unit.
    """

    def __init__(self, costs: Sequence[float] = ()) -> None:
        self._listener = _listener.get()
        self._waiting, self._total, self._done = iter(costs), sum(costs), 0.0

    def done(self) -> None:
        """Count the next step as done."""
        if self._listener is not None and self._total:
            self._done += next(self._waiting, 0.0)
            self._listener(min(1.0, self._done / self._total))


def steps_of(tokens_shape: tuple[int, ...], network: NetworkParameters, bands: Sequence[Band]) -> Steps:
    """Count the arithmetic of a pass: of each transformer block up to the decoder's features, then of each band."""
    height, width, columns = tokens_shape
    tokens, costs = height * width, []
    for block in network.backbone.blocks[: network.feature_index]:
        keys = block.window**2 if block.window else tokens
        costs.append(tokens * columns * (12.0 * columns + 2.0 * keys))
    pixel, before = 0.0, columns
    for index, fusion_block in enumerate(reversed(network.decoder.fusion_blocks)):
        after = fusion_block.detail.columns
        pixel += 9.0 * (before + after) * after / 4**index
        before = after
    return Steps([*costs, *(pixel * sum(map(area, band.tiles)) for band in bands)])
