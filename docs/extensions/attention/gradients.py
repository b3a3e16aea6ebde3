"""The gradient of one pixel's alpha by the picture, for every token that has much unknown: the page's second stage.

A backward pass for each of them through the whole photo would take minutes. The gradient is concentrated around its
pixel, so the network is given the square around it alone, in float32.
"""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from attention.scene import SIDE, Scene
from numpy_vitmatte import VitMatteForImageMatting, reference
from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.reference_backward import vitmatte_backward

CROP = 128
"""Side in pixels of the square that the network is given: eight tokens, one window."""

CELL = 1
"""Pixels of a square of the map that is drawn, along each axis."""

LEVELS = 31
ENOUGH = 64
"""Unknown pixels that a token must have, of 256."""


class Gradient(NamedTuple):
    """What the page shows for one token.

    Attributes
    ----------
    pixel : (row, column)
        The pixel whose alpha it is.
    corner : (row, column)
        Of the square, in pixels.
    levels : uint8 array (CROP / CELL, CROP / CELL)
        The square root of the gradient's size in each cell, from 0 to LEVELS.
    trimap : float
        The share of the gradient that lies in the trimap's channel.
    half, most : float
        Distances in pixels within which half and 90 % of it lie.
    """

    pixel: tuple[int, int]
    corner: tuple[int, int]
    levels: NDArray[np.uint8]
    trimap: float
    half: float
    most: float


class _Job(NamedTuple):
    image: NDArray[np.float32]
    pixel: tuple[int, int]
    corner: tuple[int, int]
    tensors: dict[str, NDArray[np.float32]]
    config: VitMatteConfig


def gradients(scene: Scene, limit: int | None = None) -> dict[tuple[int, int], Gradient]:
    """Compute the gradient for each token with enough unknown pixels, or for the first ``limit`` of them."""
    model: VitMatteForImageMatting = scene.model
    tensors = {name: np.asarray(tensor, np.float32) for name, tensor in model.tensors.items()}
    unknown = scene.by_token(scene.trimap == 128).sum(axis=-1)
    tokens = [(int(row), int(column)) for row, column in np.argwhere(unknown >= ENOUGH)][:limit]
    jobs = [_job(scene, token, tensors) for token in tokens]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        return dict(zip(tokens, pool.map(_gradient, jobs), strict=True))


def _job(scene: Scene, token: tuple[int, int], tensors: dict[str, NDArray[np.float32]]) -> _Job:
    """Choose the token's unknown pixel that is nearest to its middle, and the square around the token."""
    patch = scene.model.config.backbone_config.patch_size
    places = np.argwhere(scene.trimap == 128)
    middle = patch * (np.array(token) + 0.5) - 0.5
    inside = (places // patch == token).all(axis=1)
    pixel = places[inside][np.square(places[inside] - middle).sum(axis=1).argmin()]
    # The corner is a token's, so that the square is cut into the same patches as the photo.
    corner = np.clip(patch * np.array(token) - (CROP // patch // 2) * patch, 0, SIDE - CROP)
    (top, left), image = corner, scene.pixel_values[0].transpose(1, 2, 0)
    square = np.ascontiguousarray(image[top : top + CROP, left : left + CROP])
    return _Job(square, tuple(map(int, pixel)), (int(top), int(left)), tensors, scene.model.config)


def _gradient(job: _Job) -> Gradient:
    """Go forwards and backwards through the reference, and measure where the gradient lies."""
    kept: dict[str, NDArray] = {}
    reference.vitmatte(job.image, job.tensors, job.config, kept.setdefault)
    dalpha = np.zeros(job.image.shape[:2], job.image.dtype)
    row, column = (pixel - corner for pixel, corner in zip(job.pixel, job.corner, strict=True))
    dalpha[row, column] = 1
    dimage, _ = vitmatte_backward(dalpha, job.image, job.tensors, job.config, kept)
    by_channel = np.abs(dimage).astype(np.float64)
    size = by_channel.sum(axis=-1)
    y, x = np.mgrid[:CROP, :CROP]
    order = np.argsort(np.hypot(y - row, x - column), axis=None)
    reached = np.cumsum(size.flat[order]) / size.sum()
    half, most = (
        float(np.hypot(y - row, x - column).flat[order[np.searchsorted(reached, share)]]) for share in (0.5, 0.9)
    )
    cells = size.reshape(CROP // CELL, CELL, CROP // CELL, CELL).mean(axis=(1, 3))
    levels = np.rint(LEVELS * np.sqrt(cells / cells.max())).astype(np.uint8)
    return Gradient(job.pixel, job.corner, levels, float(by_channel[..., 3].sum() / size.sum()), half, most)
