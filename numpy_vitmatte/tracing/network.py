"""The network one layer at a time, every output handed over under the name of transformers' module.

The functions are those of ``reference.py``: slower than the network that computes alphas, which runs several layers at
once in bands and so never holds most of these arrays, but each result stands alone. Arrays inside are (height, width,
channels), as everywhere here; what is recorded has the layout of the module it is named after (``docs/trace.md``).
"""

from collections.abc import Mapping

import numpy as np

from numpy_vitmatte import reference
from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.network.batch_norm import HEAD_EPSILON
from numpy_vitmatte.reference import under

Tensors = Mapping[str, np.ndarray]


class Recorder:
    """Collects named arrays in the order in which they are computed.

    Parameters
    ----------
    fine : bool
        Whether to keep what lies inside a layer too.

    Attributes
    ----------
    layers : dict of str to array
    """

    def __init__(self, fine: bool) -> None:
        self.fine = fine
        self.layers: dict[str, np.ndarray] = {}

    def layer(self, name: str, value: np.ndarray) -> None:
        """Keep a layer's output."""
        self.layers[name] = np.ascontiguousarray(value)

    def inside(self, name: str, value: np.ndarray) -> None:
        """Keep a step inside a layer, if steps are wanted."""
        if self.fine:
            self.layer(name, value)


def batch_of_one(x: np.ndarray) -> np.ndarray:
    """(h, w, C) -> (1, h, w, C)."""
    return x[None]


def channels_first(x: np.ndarray) -> np.ndarray:
    """(h, w, C) -> (1, C, h, w)."""
    return x.transpose(2, 0, 1)[None]


def trace_picture(image: np.ndarray, tensors: Tensors, config: VitMatteConfig, fine: bool) -> dict[str, np.ndarray]:
    """Every layer's output for one picture.

    Parameters
    ----------
    image : float32 array (H, W, 4)
        Normalised RGB and trimap / 255; H and W are multiples of the patch size.
    tensors : mapping of str to float32 array
        A checkpoint's tensors under their own names.
    config : VitMatteConfig
    fine : bool
        Also the projections, convolutions and norms inside the layers, and the attention probabilities.

    Returns
    -------
    dict of str to float32 array
        In the order of computation, from ``pixel_values`` to ``alphas``.
    """
    record = Recorder(fine)
    record.layer("pixel_values", channels_first(image))
    features = _backbone(image, tensors, config, record)
    _decoder(features, image, tensors, config, record)
    return record.layers


def _backbone(image: np.ndarray, tensors: Tensors, config: VitMatteConfig, record: Recorder) -> np.ndarray:
    """The hidden state that the decoder reads, (h, w, C)."""
    vit = config.backbone_config
    hidden_states = [_embeddings(image, under(tensors, "backbone.embeddings."), vit.patch_size, record)]
    for index in range(vit.num_hidden_layers):
        name = f"backbone.encoder.layer.{index}"
        window = vit.window_size if index in vit.window_block_indices else 0
        layer = under(tensors, f"{name}.")
        x = _block(hidden_states[-1], layer, name, vit.num_attention_heads, window, vit.layer_norm_eps, record)
        hidden_states.append(x)
    return hidden_states[vit.feature_index]


def _embeddings(image: np.ndarray, w: Tensors, patch: int, record: Recorder) -> np.ndarray:
    name = "backbone.embeddings"
    x = reference.conv(image, under(w, "projection."), stride=patch)
    record.inside(f"{name}.projection", channels_first(x))
    if "position_embeddings" in w:
        x = x + reference.absolute_positions(w["position_embeddings"], *x.shape[:2])
    record.layer(name, channels_first(x))
    return x


def _block(
    x: np.ndarray, w: Tensors, name: str, heads: int, window: int, epsilon: float, record: Recorder
) -> np.ndarray:
    normalized = reference.layer_norm(x, under(w, "norm1."), epsilon)
    record.layer(f"{name}.norm1", batch_of_one(normalized))
    x = x + _attention(normalized, under(w, "attention."), f"{name}.attention", heads, window, record)
    normalized = reference.layer_norm(x, under(w, "norm2."), epsilon)
    record.layer(f"{name}.norm2", batch_of_one(normalized))
    x = x + _mlp(normalized, under(w, "mlp."), f"{name}.mlp", record)
    if "residual.conv1.weight" in w:
        x = _residual(x, under(w, "residual."), f"{name}.residual", record)
    record.layer(name, channels_first(x))
    return x


def _attention(x: np.ndarray, w: Tensors, name: str, heads: int, window: int, record: Recorder) -> np.ndarray:
    """Attention in windows, or, where ``window`` is 0, over the whole grid; recorded as (windows, rows, columns, C)."""
    height, width, _ = x.shape
    windows = into_windows(x, window) if window else x[None]
    if record.fine:
        record.layer(f"{name}.qkv", reference.linear(windows, under(w, "qkv.")))
    attended = np.empty_like(windows)
    probabilities = []
    for index, tokens in enumerate(windows):
        attended[index], probability = reference.attention(tokens, w, heads)
        if record.fine:
            probabilities.append(probability)
    if record.fine:
        record.layer(f"{name}.probabilities", np.stack(probabilities))
    record.layer(name, attended)
    return out_of_windows(attended, height, width) if window else attended[0]


def into_windows(x: np.ndarray, window: int) -> np.ndarray:
    """Pad with zero tokens and cut: (h, w, C) -> (windows, window, window, C), row by row."""
    height, width, channels = x.shape
    x = np.pad(x, ((0, -height % window), (0, -width % window), (0, 0)))
    columns = x.shape[1] // window
    x = x.reshape(-1, window, columns, window, channels)  # [h, w, C] -> [rows, window, columns, window, C]
    return x.swapaxes(1, 2).reshape(-1, window, window, channels)


def out_of_windows(windows: np.ndarray, height: int, width: int) -> np.ndarray:
    """Put windows together again and crop the padding: (windows, window, window, C) -> (h, w, C)."""
    _, window, _, channels = windows.shape
    columns = -(-width // window)
    x = windows.reshape(-1, columns, window, window, channels).swapaxes(1, 2)
    return x.reshape(-1, columns * window, channels)[:height, :width]


def _mlp(x: np.ndarray, w: Tensors, name: str, record: Recorder) -> np.ndarray:
    hidden = reference.linear(x, under(w, "fc1."))
    record.inside(f"{name}.fc1", batch_of_one(hidden))
    y = reference.linear(reference.gelu(hidden), under(w, "fc2."))
    record.layer(name, batch_of_one(y))
    return y


def _residual(x: np.ndarray, w: Tensors, name: str, record: Recorder) -> np.ndarray:
    y = x
    for n in (1, 2, 3):
        y = reference.conv(y, under(w, f"conv{n}."), padding=1 if n == 2 else 0)
        record.inside(f"{name}.conv{n}", channels_first(y))
        y = reference.layer_norm(y, under(w, f"norm{n}."))
        record.inside(f"{name}.norm{n}", channels_first(y))
        if n < 3:
            y = reference.gelu(y)
    record.layer(name, channels_first(x + y))
    return x + y


def _decoder(
    x: np.ndarray, image: np.ndarray, tensors: Tensors, config: VitMatteConfig, record: Recorder
) -> np.ndarray:
    """Detail maps, fusion blocks, head: alpha (H, W, 1)."""
    epsilon = config.batch_norm_eps
    details = [image]
    for index in range(len(config.convstream_hidden_sizes)):
        name = f"decoder.convstream.convs.{index}"
        details.append(_conv_norm_relu(details[-1], under(tensors, f"{name}."), name, 2, epsilon, record))
        record.layer(name, channels_first(details[-1]))
    for index, detail in enumerate(reversed(details)):
        name = f"decoder.fusion_blocks.{index}"
        x = np.concatenate([detail, reference.upsample2(x)], axis=-1)
        x = _conv_norm_relu(x, under(tensors, f"{name}.conv."), f"{name}.conv", 1, epsilon, record)
        record.layer(name, channels_first(x))
    return _matting_head(x, under(tensors, "decoder.matting_head.matting_convs."), record)


def _conv_norm_relu(x: np.ndarray, w: Tensors, name: str, stride: int, epsilon: float, record: Recorder) -> np.ndarray:
    x = reference.conv(x, under(w, "conv."), stride, padding=1)
    record.inside(f"{name}.conv", channels_first(x))
    x = reference.batch_norm(x, under(w, "batch_norm."), epsilon)
    record.inside(f"{name}.batch_norm", channels_first(x))
    return reference.relu(x)


def _matting_head(x: np.ndarray, w: Tensors, record: Recorder) -> np.ndarray:
    name = "decoder.matting_head"
    x = reference.conv(x, under(w, "0."), padding=1)
    record.inside(f"{name}.matting_convs.0", channels_first(x))
    x = reference.batch_norm(x, under(w, "1."), HEAD_EPSILON)
    record.inside(f"{name}.matting_convs.1", channels_first(x))
    x = reference.conv(reference.relu(x), under(w, "3."))
    record.layer(name, channels_first(x))
    alpha = reference.sigmoid(x)
    record.layer("alphas", channels_first(alpha))
    return alpha
