"""The result of a call of the model: transformers' output object, with arrays."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from numpy_vitmatte.images.tensors import tensor_of
from numpy_vitmatte.network.forward_pass import Trace


@dataclass
class ImageMattingOutput(Mapping[str, Any]):
    """The model's result, with the behavior of transformers' ``ModelOutput``.

    Entries are attributes; those that are not None are also a mapping by name (``out["alphas"]``, ``out.keys()``) and a
    sequence by place (``out[0]``, ``out.to_tuple()``).

    Arrays are tensors of torch where the model was called with one.

    Attributes
    ----------
    loss : float32 array of no axes, or None
        The loss of the alphas against ``labels``, where they were given.
    alphas : float32 array (B, 1, H, W)
        Alphas in [0, 1].
    hidden_states : tuple of float32 arrays (B, C, h, w), or None
        The embeddings, then the output of every block; h = H / 16, w = W / 16.
    attentions : tuple of float32 arrays, or None
        Per block, the attention probabilities: (B, heads, h * w, h * w) of a global block, (B * windows, heads,
        window**2, window**2) of a window block, windows row by row. Rows sum to 1.
    """

    loss: np.ndarray | None = None
    alphas: np.ndarray | None = None
    hidden_states: tuple[np.ndarray, ...] | None = None
    attentions: tuple[np.ndarray, ...] | None = None

    def add_traces(self, traces: Sequence[Trace]) -> None:
        """Add the intermediate results that the traces of all images hold, if any."""
        hidden = [trace.hidden_states for trace in traces if trace.hidden_states is not None]
        attentions = [trace.attentions for trace in traces if trace.attentions is not None]
        if hidden:  # channels first
            self.hidden_states = tuple(np.stack(layer).transpose(0, 3, 1, 2) for layer in zip(*hidden, strict=True))
        if attentions:
            self.attentions = tuple(np.concatenate(layer) for layer in zip(*attentions, strict=True))

    def as_tensors(self) -> "ImageMattingOutput":
        """Return the same as tensors of torch, which share the arrays' memory."""
        return ImageMattingOutput(**{name: _tensors(value) for name, value in self._present().items()})

    def _present(self) -> dict[str, Any]:
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}

    def to_tuple(self) -> tuple[Any, ...]:
        """Return the entries that are not None, in order."""
        return tuple(self._present().values())

    def __getitem__(self, key: int | slice | str) -> Any:
        """Return an entry by name, or by place among those that are not None."""
        return self._present()[key] if isinstance(key, str) else self.to_tuple()[key]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the entries that are not None."""
        return iter(self._present())

    def __len__(self) -> int:
        """Count the entries that are not None."""
        return len(self._present())


def _tensors(value: np.ndarray | tuple[np.ndarray, ...]) -> Any:
    return tuple(map(tensor_of, value)) if isinstance(value, tuple) else tensor_of(value)
