"""The forward pass of one image, as it runs.

``by_layers`` is the same pass, written to be understood; here tokens and tiles go through several layers at a time.

Dimension letters, here and in ``layers``: image ``H, W``; token grid ``h, w`` = H / 16, W / 16; ``C`` channels,
stored last; ``N`` = h * w tokens. Everything is float32.
"""

from functools import partial
from typing import NamedTuple

import numpy as np

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.layers.patch_embed import patch_embed
from numpy_vitmatte.layers.position import rows_of_positions
from numpy_vitmatte.network.blocks import keys_values_floats, transformer_block
from numpy_vitmatte.network.decoder import decoder
from numpy_vitmatte.network.decoder_plan import Pyramid, plan_decoder, stored_floats, tokens_of
from numpy_vitmatte.network.overflow import LARGEST_SUM
from numpy_vitmatte.network.parameters import BackboneParameters, DecoderParameters, NetworkParameters
from numpy_vitmatte.network.progress import Steps, steps_of
from numpy_vitmatte.runtime.threads import for_each_block, run_both
from numpy_vitmatte.runtime.workspace import FRESH, Workspace


class Trace(NamedTuple):
    """Intermediate results that ``forward`` was asked to keep; lists to append to, or None."""

    hidden_states: list[np.ndarray] | None = None
    attentions: list[np.ndarray] | None = None


NO_TRACE = Trace()

_LARGEST_PIXEL = 1e6  # 65535, 16 bits that nobody rescaled, is the largest ever met
_LARGEST_TOKEN = 1e18  # the square of more is infinite, and its layer norm 0


def forward(
    image: np.ndarray,
    network: NetworkParameters,
    trace: Trace = NO_TRACE,
    wanted: np.ndarray | None = None,
    band_rows: int | None = None,
    memory: Workspace = FRESH,
) -> np.ndarray:
    """Compute the alpha of one image.

    Parameters
    ----------
    image : float32 array (H, W, 4)
        Normalized RGB and trimap / 255; H and W are multiples of the patch size.
    network : NetworkParameters
    trace : Trace
        Lists that receive hidden states (h, w, C) and attention probabilities (windows, heads, tokens, tokens).
    wanted : bool array (H, W), optional
        The pixels whose alpha is needed. Work that cannot change them is left out. They stay the same, to the bit.
    band_rows : int, optional
        Rows of the image that the decoder takes at a time: see ``plan_decoder``.
    memory : Workspace
        Memory for the largest arrays; ``workspace_size`` says how much they are.

    Returns
    -------
    float32 array (H, W)
        Alpha in [0, 1]; zero where it was left out.

    Raises
    ------
    VitMatteError
        If a pixel is NaN, infinite or beyond a million, or if float32 overflows in the network.
    """
    height, width, _ = image.shape
    pyramid = Pyramid(height, width, len(network.decoder.fusion_blocks))
    tokens, bands = run_both(  # planning keeps one thread busy
        partial(embeddings, image, network.backbone),  # [H, W, 4] -> [h, w, C]
        partial(plan_decoder, pyramid, wanted, band_rows),
    )
    read = None if wanted is None else tokens_of(bands, pyramid)
    steps = steps_of(tokens.shape, network, bands)
    tokens = transformer(tokens, network.backbone, network.feature_index, trace, read, memory, steps)
    _require_no_overflow(tokens, network.decoder, True if read is None else read[..., None])
    return decoder(tokens, image, network.decoder, bands, memory, steps)  # [h, w, C], [H, W, 4] -> [H, W]


def workspace_size(height: int, width: int, network: NetworkParameters, band_rows: int | None = None) -> int:
    """Return the size of a workspace's block for an image of ``height`` x ``width`` pixels, however few are wanted."""
    blocks, patch = network.backbone.blocks, network.backbone.patch_embed.patch_size
    grid = height // patch, width // patch
    detail_channels = [conv.columns for conv in network.decoder.convstream.convs]
    fused_channels = [block.detail.columns for block in network.decoder.fusion_blocks]
    bands = plan_decoder(Pyramid(height, width, len(fused_channels)), band_rows=band_rows)
    stored = [stored_floats(band, detail_channels, fused_channels) for band in bands]
    return max([*stored, *(keys_values_floats(*grid, block.attention) for block in blocks if not block.window)])


def embeddings(image: np.ndarray, parameters: BackboneParameters) -> np.ndarray:
    """Compute the tokens (h, w, C) of an image (H, W, 4), with their positions.

    Raises
    ------
    VitMatteError
        If a pixel is NaN, infinite or beyond a million.
    """
    require_moderate(image)
    grid = [side // parameters.patch_embed.patch_size for side in image.shape[:2]]
    positions = None if parameters.positions is None else rows_of_positions(parameters.positions, *grid)
    return patch_embed(image, parameters.patch_embed, positions)


def require_moderate(image: np.ndarray) -> None:
    """Refuse an image with values that no photo has.

    Layer norms square the numbers, and a ReLU turns the NaN of an overflow into an ordinary 0: the alpha would
    be wrong and look right.

    Raises
    ------
    VitMatteError
        If a value is NaN, infinite or beyond a million.
    """
    largest = _largest(image)
    if not np.isfinite(largest):
        raise VitMatteError("pixel_values holds NaN or infinite values; every pixel must be a finite number")
    if abs(largest) > _LARGEST_PIXEL:
        raise VitMatteError(
            f"pixel_values reaches {largest:.3g}; expected rescaled and normalized pixels, a few units in size: beyond "
            f"{_LARGEST_PIXEL:g} float32 may overflow in the network"
        )


def _require_no_overflow(tokens: np.ndarray, decoder: DecoderParameters, where: np.ndarray | bool = True) -> None:
    """Refuse to go on where float32 overflowed, or may do so in the decoder, although every pixel was a number.

    Tokens are sums over all blocks, so that a number that one block spoils stays spoiled. Layer norms square them.

    Raises
    ------
    VitMatteError
        The weights are to blame.
    """
    largest = _largest(tokens, where)
    if not abs(largest) < _LARGEST_TOKEN or decoder.gains.largest(_LARGEST_PIXEL, abs(largest)) > LARGEST_SUM:
        raise VitMatteError(
            "float32 overflows in the network, though every pixel is of ordinary size: the weights are too large to be "
            "those of a trained network"
        )


def _largest(values: np.ndarray, where: np.ndarray | bool = True) -> float:
    """Return the value of the largest amount; NaN if there is one."""
    extremes: list[float] = [0.0]

    def note(first: int, last: int) -> None:
        rows = values[first:last]  # no copy and no mask: there may be gigabytes
        wanted = where if isinstance(where, bool) else where[first:last]
        extremes.extend((float(rows.min(initial=0, where=wanted)), float(rows.max(initial=0, where=wanted))))

    for_each_block(note, values.shape[0], 64)
    return float("nan") if np.isnan(extremes).any() else max(extremes, key=abs)


def transformer(
    tokens: np.ndarray,
    parameters: BackboneParameters,
    feature_index: int,
    trace: Trace = NO_TRACE,
    read: np.ndarray | None = None,
    memory: Workspace = FRESH,
    steps: Steps = Steps(),  # noqa: B008  (it counts nothing)
) -> np.ndarray:
    """Apply the blocks: return the tokens (h, w, C) after ``feature_index`` of them.

    With ``read``, a mask (h, w), the last of them may leave out work that only the other tokens need.
    """
    features = tokens
    blocks = parameters.blocks if trace.hidden_states is not None else parameters.blocks[:feature_index]
    for index, block in enumerate(blocks, start=1):
        if trace.hidden_states is not None:
            trace.hidden_states.append(tokens)
        probabilities = None
        if trace.attentions is not None:
            probabilities = block.attention.empty_probabilities(tokens.shape, block.window)
            trace.attentions.append(probabilities)
        tokens = transformer_block(tokens, block, probabilities, read if index == len(blocks) else None, memory)
        if index == feature_index:
            features = tokens
        if index <= feature_index:
            steps.done()
    if trace.hidden_states is not None:
        trace.hidden_states.append(tokens)
    return features
