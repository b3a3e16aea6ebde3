"""Losses of alphas, and the steps by which their gradients move the weights; no PyTorch.

:func:`~numpy_vitmatte.training.finetuning.finetune.finetune` and ``AdamW`` are imported when they are first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy_vitmatte.training.optimizer import AdamW, MovingAverage, clip_by_norm, warmup_cosine

__all__ = ["AdamW", "MovingAverage", "clip_by_norm", "finetune", "warmup_cosine"]

_HOME = {"finetune": "finetuning.finetune"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME.get(name, 'optimizer')}"), name)
