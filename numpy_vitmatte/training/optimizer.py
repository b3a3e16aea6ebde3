"""Steps of training: AdamW, the schedule of its rate, clipping, and the moving average of the weights.

Tensors and gradients are dicts of float arrays under checkpoint names; tensors are changed in place. A tensor without a
gradient stays as it is.
"""

import math
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import partial

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.kernels.gradients.adam import Rates, move
from numpy_vitmatte.runtime.threads import for_each_block, run_all

Array = NDArray[np.floating]

_STATISTICS = (".running_mean", ".running_var")
_CLIPPING_EPSILON = 1e-6  # PyTorch's, against a division by zero
_NUMBERS_AT_A_TIME = 1 << 15
_AVERAGE_START = 10  # the average follows the weights closely for about so many steps


def trainable(names: Iterable[str], pattern: str = "*") -> list[str]:
    """List the tensors that a pattern matches, except the statistics of batch norms, which no gradient moves.

    Parameters
    ----------
    names : iterable of str
        Names of tensors, as in a checkpoint.
    pattern : str
        A shell's pattern, such as ``"decoder.*"``.

    Returns
    -------
    list of str
        In the order of ``names``.

    Raises
    ------
    VitMatteError
        If the pattern matches no tensor.
    """
    chosen = [name for name in names if fnmatchcase(name, pattern) and not name.endswith(_STATISTICS)]
    if not chosen:
        raise VitMatteError(f"no tensor that can be trained is named {pattern!r}; try 'decoder.*', 'backbone.*' or '*'")
    return chosen


def takes_decay(name: str, tensor: Array) -> bool:
    """Say whether a tensor is drawn towards zero: matrices and convolutions are.

    Biases, norms, absolute positions and tables of relative positions are not: a small one does not make the network
    simpler.

    Parameters
    ----------
    name : str
        The tensor's name in a checkpoint.
    tensor : array

    Returns
    -------
    bool
    """
    return tensor.ndim >= 2 and "rel_pos" not in name and "position_embeddings" not in name


class AdamW:
    """Adam with decoupled weight decay: Loshchilov and Hutter 2019 (arXiv:1711.05101), as PyTorch's ``AdamW``.

    Parameters
    ----------
    tensors : dict of str to float array
        The tensors that are trained, contiguous. Keep the arrays: :meth:`step` changes them in place.
    lr : float
        Learning rate; may be set anew before each step.
    betas : pair of float
        Decays of the averages of the gradient and of its square.
    epsilon : float
        Added to the root of the average square.
    weight_decay : float
        Part of ``lr`` by which the tensors of :func:`takes_decay` shrink in a step.

    Raises
    ------
    VitMatteError
        If a tensor is not contiguous.
    """

    def __init__(
        self,
        tensors: dict[str, Array],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        epsilon: float = 1e-8,
        weight_decay: float = 0.05,
    ) -> None:
        for name, tensor in tensors.items():
            if not tensor.flags.c_contiguous:
                raise VitMatteError(f"tensor {name!r} is not contiguous; give a copy: np.ascontiguousarray(tensor)")
        self.tensors = tensors
        self.lr, self.betas, self.epsilon, self.weight_decay = lr, betas, epsilon, weight_decay
        self.steps: dict[str, int] = {}
        self.means: dict[str, Array] = {}
        self.squares: dict[str, Array] = {}

    def step(self, gradients: Mapping[str, Array]) -> None:
        """Move every tensor that has a gradient against it.

        Parameters
        ----------
        gradients : mapping of str to float array
            Gradients under names of ``tensors``, with their shapes.
        """
        blocks = []
        for name, gradient in gradients.items():
            tensor = self.tensors[name]
            if name not in self.steps:
                self.steps[name] = 0
                self.means[name], self.squares[name] = np.zeros_like(tensor), np.zeros_like(tensor)
            self.steps[name] += 1
            parts, rates = (tensor, gradient, self.means[name], self.squares[name]), self._rates(name)
            size = rows_at_a_time(tensor)
            blocks += [(parts, rates, slice(first, first + size)) for first in range(0, len(tensor), size)]

        def move_block(index: int, _: int) -> None:
            parts, rates, rows = blocks[index]
            tensor, gradient, mean, square = (part[rows].reshape(-1) for part in parts)
            move(tensor, gradient.astype(tensor.dtype), mean, square, rates)

        for_each_block(move_block, len(blocks))

    def _rates(self, name: str) -> Rates:
        """Return the numbers of a tensor's next step, in its type."""
        tensor, step, (first, second) = self.tensors[name], self.steps[name], self.betas
        keep = 1 - self.lr * self.weight_decay if takes_decay(name, tensor) else 1
        spread = math.sqrt(1 - second**step)
        numbers = keep, self.lr / (1 - first**step), 1 - first, 1 - second, spread, self.epsilon
        return Rates(*map(tensor.dtype.type, numbers))


def rows_at_a_time(tensor: Array) -> int:
    """Count the rows of a tensor that a thread moves at a time: with its averages they stay in the cache."""
    return max(1, _NUMBERS_AT_A_TIME * len(tensor) // tensor.size)


def warmup_cosine(step: int, steps: float, warmup: int = 0, final: float = 0.0) -> float:
    """Return the learning rate at a step, as a part of its peak: a linear start, times a cosine down to ``final``.

    Parameters
    ----------
    step : int
        The step, counted from 0.
    steps : float
        The step at which ``final`` is reached; it stays from then on. Infinite: never.
    warmup : int
        Steps until the peak; 0 starts there.
    final : float
        Last rate as a part of the peak.

    Returns
    -------
    float
    """
    start = min(1.0, (step + 1) / warmup) if warmup else 1.0
    cosine = (1 + math.cos(math.pi * min(1.0, step / steps))) / 2
    return start * (final + (1 - final) * cosine)


def clip_by_norm(gradients: dict[str, Array], longest: float) -> float:
    """Shorten all gradients together, in place, so that as one vector they are at most so long.

    Parameters
    ----------
    gradients : dict of str to float array
    longest : float

    Returns
    -------
    float
        The length before.
    """

    def squares(gradient: Array) -> float:
        return float(np.sum(gradient**2, dtype=np.float64))

    def shorten(gradient: Array) -> None:
        gradient *= share

    length = math.sqrt(sum(run_all([partial(squares, gradient) for gradient in gradients.values()])))
    share = longest / (length + _CLIPPING_EPSILON)
    if share < 1:
        run_all([partial(shorten, gradient) for gradient in gradients.values()])
    return length


class MovingAverage:
    """Exponential moving average of all tensors, statistics of batch norms among them: steadier than the last weights.

    Early on the average follows faster, so that the start is soon forgotten: in step n it keeps (n + 1) / (n + 10) of
    itself, at most ``decay``.

    Parameters
    ----------
    tensors : mapping of str to float array
        Where the average starts; copied.
    decay : float
        Part of itself that the average keeps in a step, in the long run.

    Attributes
    ----------
    tensors : dict of str to float array
        The average.
    """

    def __init__(self, tensors: Mapping[str, Array], decay: float = 0.998) -> None:
        self.tensors = {name: tensor.copy() for name, tensor in tensors.items()}
        self.decay, self.steps = decay, 0

    def update(self, tensors: Mapping[str, Array]) -> None:
        """Move the average towards the present tensors, once after each step of the optimizer.

        Parameters
        ----------
        tensors : mapping of str to float array
        """
        self.steps += 1
        share = 1 - min(self.decay, (self.steps + 1) / (self.steps + _AVERAGE_START))

        def follow(name: str) -> None:
            self.tensors[name] += share * (tensors[name] - self.tensors[name])

        run_all([partial(follow, name) for name in self.tensors])
