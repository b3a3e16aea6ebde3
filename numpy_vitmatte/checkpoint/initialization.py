"""Random weights for a network that is not trained yet, distributed as transformers initializes them.

Written here because transformers' own code needs PyTorch.
"""

import math
import re
from collections.abc import Callable

import numpy as np

from numpy_vitmatte.checkpoint.tensor_shapes import Shape, parameter_shapes
from numpy_vitmatte.configuration import VitMatteConfig

Initializer = Callable[[np.random.Generator, Shape, float], np.ndarray]

# transformers cuts its normal distribution at these values, not at this many standard deviations: with the usual
# initializer_range of 0.02 the cut lies 100 standard deviations out and never acts.
_CUT = 2.0


def random_parameters(config: VitMatteConfig, seed: int) -> dict[str, np.ndarray]:
    """Draw the weights of a fresh network.

    The distributions are those of ``VitDetPreTrainedModel._init_weights`` and ``VitMattePreTrainedModel._init_weights``
    in transformers 5 (with the base class's, which they call first), tensor by tensor; the numbers are not PyTorch's,
    since the generator is NumPy's. As there, the neck's last norm is zero, so that each residual neck starts as the
    identity.

    Parameters
    ----------
    config : VitMatteConfig
        The network; the backbone's and the decoder's ``initializer_range`` are the standard deviations.
    seed : int
        Seed of :func:`numpy.random.default_rng`: the same seed gives the same weights.

    Returns
    -------
    dict of str to float32 array
        A tensor for every entry of :func:`~numpy_vitmatte.checkpoint.tensor_shapes.parameter_shapes`.
    """
    generator = np.random.default_rng(seed)
    tensors = {}
    for name, shape in parameter_shapes(config).items():
        part = config.backbone_config if name.startswith("backbone.") else config
        tensors[name] = _initializer(name)(generator, shape, part.initializer_range)
    return tensors


def _zeros(generator: np.random.Generator, shape: Shape, std: float) -> np.ndarray:
    return np.zeros(shape, np.float32)


def _ones(generator: np.random.Generator, shape: Shape, std: float) -> np.ndarray:
    return np.ones(shape, np.float32)


def _normal(generator: np.random.Generator, shape: Shape, std: float) -> np.ndarray:
    return generator.standard_normal(shape, np.float32) * np.float32(std)


def _truncated_normal(generator: np.random.Generator, shape: Shape, std: float) -> np.ndarray:
    values = _normal(generator, shape, std)
    outside = np.abs(values) > _CUT
    while outside.any():
        values[outside] = _normal(generator, (int(outside.sum()),), std)
        outside = np.abs(values) > _CUT
    return values


def _kaiming_normal(generator: np.random.Generator, shape: Shape, std: float) -> np.ndarray:
    """Draw as He et al. 2015 (arXiv:1502.01852) do for a ReLU, counting the outputs of each input ("fan out")."""
    channels_out, _, rows, columns = shape
    return _normal(generator, shape, math.sqrt(2 / (channels_out * rows * columns)))


# The first pattern found in a tensor's name decides.
_RULES: tuple[tuple[re.Pattern[str], Initializer], ...] = tuple(
    (re.compile(pattern), initializer)
    for pattern, initializer in (
        (r"\.running_var$", _ones),
        (r"\.(bias|running_mean)$", _zeros),
        (r"\.residual\.conv\d\.weight$", _kaiming_normal),
        (r"\.residual\.norm3\.weight$", _zeros),
        (r"\.norm\d\.weight$", _ones),
        (r"^backbone\.", _truncated_normal),
        # Batch norms' weights too: 0.02 wide about 0, where PyTorch alone would set them to 1.
        (r"^decoder\.", _normal),
    )
)


def _initializer(name: str) -> Initializer:
    return next(initializer for pattern, initializer in _RULES if pattern.search(name))
