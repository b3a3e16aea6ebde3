"""Folding of every batch norm into the convolution before it: both are one affine map at inference."""

from collections.abc import Mapping

import numpy as np

HEAD_EPSILON = 1e-5
"""The head's batch norm takes PyTorch's default, not ``config.batch_norm_eps`` (``VitMatteHead`` of transformers)."""


def fold_batch_norms(tensors: Mapping[str, np.ndarray], epsilon: float) -> dict[str, np.ndarray]:
    """Return the decoder's tensors with batch norms gone and every convolution's weight and bias adjusted.

    ``bn(conv(x)) = (W x + b - mean) * g + shift`` with ``g = scale / sqrt(variance + epsilon)``, so ``W' = g W`` and
    ``b' = (b - mean) g + shift`` (Ioffe & Szegedy 2015, arXiv:1502.03167, section 3.1).

    Parameters
    ----------
    tensors : mapping of str to float32 array
        Checkpoint names under ``decoder.``.
    epsilon : float
        ``config.batch_norm_eps``, for ConvStream and fusion blocks.

    Returns
    -------
    dict of str to float32 array
        The same names without the batch norms'; folded convolutions all have a ``.bias``.
    """
    folded = {name: value for name, value in tensors.items() if not _is_batch_norm(name)}
    for norm, gain in batch_norm_gains(tensors, epsilon).items():
        conv, mean = convolution_before(norm), tensors[f"{norm}.running_mean"].astype(np.float64)
        bias = tensors.get(f"{conv}.bias", np.zeros_like(mean))
        folded[f"{conv}.weight"] = (tensors[f"{conv}.weight"] * gain[:, None, None, None]).astype(np.float32)
        folded[f"{conv}.bias"] = ((bias - mean) * gain + tensors[f"{norm}.bias"]).astype(np.float32)
    return folded


def batch_norm_gains(tensors: Mapping[str, np.ndarray], epsilon: float) -> dict[str, np.ndarray]:
    """Return what each of the decoder's batch norms multiplies its channels by, as float64 arrays (C,).

    Parameters
    ----------
    tensors, epsilon
        The same as those of :func:`fold_batch_norms`.

    Returns
    -------
    dict of str to float64 array
        By the names of the batch norms, such as ``fusion_blocks.0.conv.batch_norm``.
    """
    gains = {}
    for name in tensors:
        if name.endswith(".running_mean"):
            norm = name.removesuffix(".running_mean")
            eps = HEAD_EPSILON if norm.startswith("matting_head.") else epsilon
            variance = tensors[f"{norm}.running_var"].astype(np.float64)
            gains[norm] = tensors[f"{norm}.weight"] / np.sqrt(variance + eps)
    return gains


def _is_batch_norm(name: str) -> bool:
    return ".batch_norm." in name or name.startswith("matting_head.matting_convs.1.")


def convolution_before(norm: str) -> str:
    """Return the name of the convolution whose result a batch norm reads."""
    if norm == "matting_head.matting_convs.1":
        return "matting_head.matting_convs.0"
    return norm.removesuffix("batch_norm") + "conv"
