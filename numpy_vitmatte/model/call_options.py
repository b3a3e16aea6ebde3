"""The keywords of a model's call that transformers does not have."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypedDict

import numpy as np

from numpy_vitmatte.model.inputs import checked_mask
from numpy_vitmatte.network.memory import parse_bytes


class CallOptions(TypedDict, total=False):
    """Keywords of a call of :class:`~numpy_vitmatte.VitMatteForImageMatting`; None stands for the default.

    Attributes
    ----------
    wanted : bool array (B, H, W)
        The pixels whose alpha is needed, for example ``(0 < trimap) & (trimap < 255)``; by default every pixel. Work
        that cannot change them is left out. They are the same to the bit; others may be 0.
    max_memory : int or str
        Bytes that the process may take at its peak, or words such as ``"2GB"``.
    precision : {"highest", "high", "medium"}
        The precision of products; by default the model's.
    """

    wanted: np.ndarray | None
    max_memory: int | str | None
    precision: str | None


class CheckedCall(NamedTuple):
    """The same, checked: the mask, the limit in bytes, and the precision as it was given."""

    wanted: np.ndarray | None
    limit: int | None
    precision: str | None


def checked_call(options: Mapping[str, Any], shape: tuple[int, ...]) -> CheckedCall:
    """Check the keywords for a batch of ``shape`` (B, H, W).

    Raises
    ------
    TypeError
        If there is no such keyword.
    VitMatteError
        If ``wanted`` has another shape or type, or ``max_memory`` is no number of bytes.
    """
    unknown = [name for name in options if name not in CallOptions.__annotations__]
    if unknown:
        raise TypeError(f"the model's call has no keyword {', '.join(unknown)}")
    wanted, limit = options.get("wanted"), options.get("max_memory")
    return CheckedCall(
        None if wanted is None else checked_mask(wanted, shape),
        None if limit is None else parse_bytes(limit),
        options.get("precision"),
    )
