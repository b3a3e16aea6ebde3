"""Gradients of convolutions whose batch norm was folded into them.

With ``g = scale / sqrt(variance + epsilon)`` the folded weight is ``W' = g W`` and the folded bias ``b' = (b - mean) g
+ shift``. So the gradients by W' and b', which the convolution gives, are all that is needed: no map is read again.
"""

from collections.abc import Mapping

import numpy as np

from numpy_vitmatte.gradients.linear import Tensors
from numpy_vitmatte.reference import under
from numpy_vitmatte.reference_backward import above


def unfolded(
    dweight: np.ndarray, dbias: np.ndarray, w: Mapping[str, np.ndarray], names: tuple[str, str], epsilon: float
) -> Tensors:
    """Return the gradients by a convolution and its batch norm from those by the two folded into one.

    Parameters
    ----------
    dweight : float32 array (N, C, 3, 3)
    dbias : float32 array (N,)
    w : mapping of str to float32 array
        Tensors of convolution and norm, as a checkpoint stores them.
    names : pair of str
        What their tensors' names begin with: the convolution's, then the norm's.
    epsilon : float
        Added to the variance.
    """
    conv, norm = (under(w, name) for name in names)
    spread = np.sqrt(norm["running_var"].astype(np.float64) + epsilon)
    gain = norm["weight"] / spread
    bias = conv.get("bias", np.zeros_like(gain))
    by_gain = (dweight.astype(np.float64) * conv["weight"]).sum(axis=(1, 2, 3)) + dbias * (bias - norm["running_mean"])
    dconv = {"weight": dweight * gain[:, None, None, None]}
    if "bias" in conv:
        dconv["bias"] = dbias * gain
    dw = above(dconv, names[0]) | above({"weight": by_gain / spread, "bias": dbias}, names[1])
    return {name: value.astype(np.float32) for name, value in dw.items()}
