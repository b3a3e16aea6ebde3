"""The residual neck of a transformer block, and its gradients."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.gradients.conv import (
    as_stored,
    conv_weight_gradient,
    convolve,
    framed,
    inside,
    pack_turned,
)
from numpy_vitmatte.gradients.linear import Tensors, linear_backward
from numpy_vitmatte.gradients.mlp import gelu_rows_backward
from numpy_vitmatte.gradients.norm import layer_norm, layer_norm_backward
from numpy_vitmatte.gradients.products import linear_rows
from numpy_vitmatte.kernels.elementwise import gelu_
from numpy_vitmatte.layers.neck import EPSILON, NeckParameters
from numpy_vitmatte.reference import under
from numpy_vitmatte.reference_backward import above


class NeckStates(NamedTuple):
    """The results of the three convolutions (B * h * w, .), before their norms."""

    conv1: np.ndarray
    conv2: np.ndarray
    conv3: np.ndarray


def residual_neck(
    x: np.ndarray, parameters: NeckParameters, w: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, NeckStates]:
    """Compute the neck of token grids (B, h, w, C), and what is kept of it."""
    channels = x.shape[-1]
    first, mix, last = parameters.convs
    conv1 = linear_rows(x.reshape(-1, channels), first)
    narrow = gelu_(layer_norm(conv1, under(w, "norm1."), EPSILON)).reshape(*x.shape[:3], -1)
    conv2 = np.concatenate([convolve(image, mix).reshape(-1, mix.columns) for image in _in_frames(narrow)])
    conv3 = linear_rows(gelu_(layer_norm(conv2, under(w, "norm2."), EPSILON)), last)
    out = layer_norm(conv3, under(w, "norm3."), EPSILON).reshape(x.shape)
    out += x
    return out, NeckStates(conv1, conv2, conv3)


def residual_neck_backward(
    dy: np.ndarray, x: np.ndarray, kept: NeckStates, w: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, Tensors]:
    """Go back through the three convolutions, and past them.

    Parameters
    ----------
    dy, x : float32 array (B, h, w, C)
    kept : NeckStates
    w : mapping of str to float32 array
        The neck's tensors, as a checkpoint stores them.

    Returns
    -------
    dx : float32 array (B, h, w, C)
    dw : dict of str to float32 array
    """
    channels = x.shape[-1]
    d, dnorm3 = _norm_backward(dy.reshape(-1, channels), kept.conv3, under(w, "norm3."))
    mixed = layer_norm(kept.conv2, under(w, "norm2."), EPSILON)
    before = mixed.copy()
    d, dconv3 = linear_backward(d, gelu_(mixed), {"weight": w["conv3.weight"][:, :, 0, 0]})
    gelu_rows_backward(d, before)
    d, dnorm2 = _norm_backward(d, kept.conv2, under(w, "norm2."))
    narrow = layer_norm(kept.conv1, under(w, "norm1."), EPSILON)
    before = narrow.copy()
    d, dconv2 = _mix_backward(d, gelu_(narrow), x.shape[:3], w["conv2.weight"])
    gelu_rows_backward(d, before)
    d, dnorm1 = _norm_backward(d, kept.conv1, under(w, "norm1."))
    d, dconv1 = linear_backward(d, x.reshape(-1, channels), {"weight": w["conv1.weight"][:, :, 0, 0]})
    dw = above(dnorm1, "norm1.") | above(dnorm2, "norm2.") | above(dnorm3, "norm3.") | {"conv2.weight": dconv2}
    dw |= {"conv1.weight": dconv1["weight"][:, :, None, None], "conv3.weight": dconv3["weight"][:, :, None, None]}
    return dy + d.reshape(x.shape), dw


def _norm_backward(dy: np.ndarray, x: np.ndarray, w: Mapping[str, np.ndarray]) -> tuple[np.ndarray, Tensors]:
    dx = np.zeros_like(x)
    return dx, layer_norm_backward(dy, x, w, EPSILON, dx)


def _mix_backward(
    dy: np.ndarray, x: np.ndarray, shape: tuple[int, ...], weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Go back through the 3x3 convolution: (B * h * w, C / 2) to the same, and the gradient by its weight."""
    found, dweight, turned = [], conv_weight_gradient(weight.shape), pack_turned(weight)
    images = (_in_frames(values.reshape(*shape, -1)) for values in (x, dy))
    for image, gradient in zip(*images, strict=True):
        dweight.add_image(image, gradient, frame=1)
        found.append(convolve(gradient, turned).reshape(-1, weight.shape[1]))
    return np.concatenate(found), as_stored(dweight)


def _in_frames(images: np.ndarray) -> list[np.ndarray]:
    """Copy each of some images (B, H, W, C) into a frame."""
    copies = [framed(image.shape) for image in images]
    for copy, image in zip(copies, images, strict=True):
        inside(copy)[:] = image
    return copies
