"""Tensors of torch, taken as arrays and given back; torch itself is imported by those who ask for tensors alone."""

import sys
from importlib import import_module
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.errors import ConfigurationError


def is_tensor(value: object) -> TypeGuard[Any]:
    """Say whether this is a tensor of torch, which the caller has then imported."""
    return isinstance(value, getattr(sys.modules.get("torch"), "Tensor", ()))


def array_of(tensor: Any) -> NDArray[Any]:
    """Give a tensor's numbers, without its gradients and without a copy where they lie in the CPU's memory.

    NumPy has no bfloat16; such a tensor becomes float32.
    """
    numbers = tensor.detach().cpu()
    try:
        array: NDArray[Any] = numbers.numpy()
    except TypeError:
        array = numbers.float().numpy()
    return array


def tensor_of(array: NDArray[Any]) -> Any:
    """Give a tensor that shares an array's memory.

    Raises
    ------
    ConfigurationError
        If torch is not installed.
    """
    try:
        torch = import_module("torch")
    except ImportError:
        raise ConfigurationError(
            "return_tensors='pt' gives tensors of torch, which is not installed here: ask for 'np', arrays serve too"
        ) from None
    return torch.from_numpy(np.ascontiguousarray(array))
