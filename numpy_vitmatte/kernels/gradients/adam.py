"""One step of Adam with decoupled weight decay."""

from typing import NamedTuple

import numpy as np

from numpy_vitmatte.runtime.jit import EXACT_ORDER, kernel


class Rates(NamedTuple):
    """The numbers of a step, all of the tensor's type.

    Attributes
    ----------
    keep : float
        What weight decay leaves of the tensor.
    rate : float
        Learning rate, divided by the share of the mean that is not the zero with which it started.
    means, squares : float
        New shares of both averages.
    spread : float
        Root of the share of the average square that is not the zero with which it started.
    epsilon : float
    """

    keep: np.floating
    rate: np.floating
    means: np.floating
    squares: np.floating
    spread: np.floating
    epsilon: np.floating


@kernel(EXACT_ORDER)
def move(tensor, gradient, mean, square, rates):
    """Move numbers against their gradient.

    Parameters
    ----------
    tensor : float array (any size,)
        It is changed, as are the averages.
    gradient : float array of the same size
    mean, square : float arrays of the same size
        Averages of the gradient and of its square.
    rates : Rates
    """
    for k in range(tensor.size):
        mean[k] += rates.means * (gradient[k] - mean[k])
        square[k] += rates.squares * (gradient[k] * gradient[k] - square[k])
        tensor[k] = rates.keep * tensor[k] - rates.rate * mean[k] / (np.sqrt(square[k]) / rates.spread + rates.epsilon)
