"""A transformer block, and its gradients."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.gradients.attention import Attended, attention, attention_layer_backward
from numpy_vitmatte.gradients.linear import Tensors
from numpy_vitmatte.gradients.mlp import mlp, mlp_backward
from numpy_vitmatte.gradients.neck import NeckStates, residual_neck, residual_neck_backward
from numpy_vitmatte.gradients.norm import layer_norm, layer_norm_backward
from numpy_vitmatte.network.parameters import BlockParameters
from numpy_vitmatte.reference import under
from numpy_vitmatte.reference_backward import above


class BlockStates(NamedTuple):
    """The arrays that a block keeps for its gradients; norms and GELU are cheap and computed again.

    Attributes
    ----------
    x : float32 array (B, h, w, C)
        Its input.
    attended : Attended
    middle : float32 array (B, h, w, C)
        The sum behind the attention.
    hidden : float32 array (B * h * w, 4 C)
        The MLP's numbers before GELU.
    neck_input : float32 array (B, h, w, C)
    neck : NeckStates or None
    """

    x: np.ndarray
    attended: Attended
    middle: np.ndarray
    hidden: np.ndarray
    neck_input: np.ndarray
    neck: NeckStates | None


def transformer_block(
    x: np.ndarray, block: BlockParameters, w: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, BlockStates]:
    """Compute a block of token grids (B, h, w, C), and what is kept of it.

    Parameters
    ----------
    x : float32 array (B, h, w, C)
    block : BlockParameters
    w : mapping of str to float32 array
        The block's tensors, from which ``block`` was packed.
    """
    channels = x.shape[-1]
    normalized = layer_norm(x.reshape(-1, channels), under(w, "norm1."), block.norm1.epsilon).reshape(x.shape)
    middle, attended = attention(normalized, block.attention, block.window)
    middle += x
    normalized = layer_norm(middle.reshape(-1, channels), under(w, "norm2."), block.norm2.epsilon)
    out, hidden = mlp(normalized, block.mlp)
    out = out.reshape(x.shape)
    out += middle
    if block.neck is None:
        return out, BlockStates(x, attended, middle, hidden, out, None)
    result, neck = residual_neck(out, block.neck, under(w, "residual."))
    return result, BlockStates(x, attended, middle, hidden, out, neck)


def block_backward(
    dy: np.ndarray, kept: BlockStates, block: BlockParameters, w: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, Tensors]:
    """Go back through neck, MLP and attention, and past each of them.

    Parameters
    ----------
    dy : float32 array (B, h, w, C)
        It is overwritten.
    kept : BlockStates
    block : BlockParameters
    w : mapping of str to float32 array
        The block's tensors, as a checkpoint stores them.

    Returns
    -------
    dx : float32 array (B, h, w, C)
    dw : dict of str to float32 array
    """
    dw: Tensors = {}
    shape, norm1, norm2 = kept.x.shape, under(w, "norm1."), under(w, "norm2.")
    if kept.neck is not None:
        dy, dneck = residual_neck_backward(dy, kept.neck_input, kept.neck, under(w, "residual."))
        dw |= above(dneck, "residual.")
    d, x, middle = (values.reshape(-1, shape[-1]) for values in (dy, kept.x, kept.middle))
    normalized = layer_norm(middle, norm2, block.norm2.epsilon)
    inner, dmlp = mlp_backward(d, normalized, kept.hidden, under(w, "mlp."))
    dw |= above(dmlp, "mlp.") | above(layer_norm_backward(inner, middle, norm2, block.norm2.epsilon, d), "norm2.")
    normalized = layer_norm(x, norm1, block.norm1.epsilon).reshape(shape)
    heads, part = block.attention.heads, under(w, "attention.")
    inner, dattention = attention_layer_backward(d.reshape(shape), normalized, kept.attended, part, heads, block.window)
    dw |= above(dattention, "attention.")
    dw |= above(layer_norm_backward(inner, x, norm1, block.norm1.epsilon, d), "norm1.")
    return d.reshape(shape), dw
