"""ViTMatte in plain NumPy: the specification that the fast layers are tested against.

Read it top to bottom together with the papers: ViT (arXiv:2010.11929), ViTDet (arXiv:2203.16527), MViTv2 for the
relative positions (arXiv:2112.01526), ViTMatte (arXiv:2305.15272). No Numba, no tricks, one image at a time.

- An image is an array (H, W, channels), a token grid (h, w, C) with h = H / 16 and w = W / 16; ``[in] -> [out]``.
- Weights are a dict under the names of the checkpoint; ``under(weights, "norm1.")`` is the part of it below a name.
- Everything is computed in the float type of the arrays that come in; nothing here makes another.
- Every intermediate result goes through ``record(name, value)``, which returns what the computation goes on with. Names
  are those of a trace (``docs/trace.md``). ``kept = {}; vitmatte(image, weights, config, kept.setdefault)`` keeps all.
"""

import math

import numpy as np


def under(weights, prefix):
    """Return the weights whose names start with ``prefix``, without it."""
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def unchanged(name, value):
    """Keep nothing: the default ``record``."""
    return value


def inside(record, name):
    """Make the ``record`` for a part of the network: ``conv1`` becomes ``name.conv1``, its nameless result ``name``."""
    return lambda part, value: record(f"{name}.{part}" if part else name, value)


# --- building blocks -------------------------------------------------------------------------------------------------


def linear(x, w):
    """Apply an affine map to the last axis; the weight is stored (out, in)."""
    y = x.reshape(-1, x.shape[-1]) @ w["weight"].T  # [..., in] -> [N, out]: one product, not many small ones
    y = y.reshape(*x.shape[:-1], -1)  # [N, out] -> [..., out]
    return y + w["bias"] if "bias" in w else y


def layer_norm(x, w, epsilon=1e-6):
    """Normalize to mean 0 and variance 1 over the channels, then scale and shift."""
    mean = x.mean(axis=-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + x.dtype.type(epsilon)) * w["weight"] + w["bias"]


def batch_norm(x, w, epsilon):
    """Normalize by the statistics of the training set, then scale and shift."""
    normalized = (x - w["running_mean"]) / np.sqrt(w["running_var"] + x.dtype.type(epsilon))
    return normalized * w["weight"] + w["bias"]


def gelu(x):
    """Give x times the probability that a standard normal variable is below x: the exact form, with erf."""
    erf = np.vectorize(math.erf, otypes=[x.dtype])
    return x * (1 + erf(x * x.dtype.type(math.sqrt(0.5)))) / 2


def relu(x):
    """Give max(x, 0)."""
    return np.maximum(x, 0)


def sigmoid(x):
    """Give 1 / (1 + exp(-x)), by the half that does not overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


def softmax(x):
    """Give exp(x) / sum(exp(x)) over the last axis; subtracting the maximum changes nothing but avoids overflow."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def conv(x, w, stride=1, padding=0):
    """Convolve: one matrix product per tap of the window, added up; the weight is stored (out, in, kh, kw).

    Axes are counted from the end, so that a stack of images [B, H, W, in] has its place; training needs one.
    """
    _, _, kernel_h, kernel_w = w["weight"].shape
    x = np.pad(x, [(0, 0)] * (x.ndim - 3) + [(padding, padding), (padding, padding), (0, 0)])
    height, width = (x.shape[-3] - kernel_h) // stride + 1, (x.shape[-2] - kernel_w) // stride + 1
    y = np.zeros((*x.shape[:-3], height, width, len(w["weight"])), x.dtype)
    for dy in range(kernel_h):
        for dx in range(kernel_w):
            tap = x[..., dy : dy + stride * height : stride, dx : dx + stride * width : stride, :]
            y += linear(tap, {"weight": w["weight"][:, :, dy, dx]})  # [h, w, in] -> [h, w, out]
    return y + w["bias"] if "bias" in w else y


def sample_positions(source, target):
    """Give the places of the centers of ``target`` samples among ``source`` ones; both lines have the same ends."""
    return (np.arange(target) + 0.5) * source / target - 0.5


def linear_resize(x, length):
    """Resize the first axis by linear interpolation; beyond the first and last sample the edge repeats."""
    position = np.clip(sample_positions(len(x), length), 0, len(x) - 1)
    left = np.floor(position).astype(int)
    right = np.minimum(left + 1, len(x) - 1)
    weight = (position - left).astype(x.dtype).reshape(-1, *[1] * (x.ndim - 1))
    return x[left] * (1 - weight) + x[right] * weight


def cubic_resize(x, length):
    """Resize the first axis by Keys' cubic convolution (IEEE TASSP 29, 1981); the edge repeats."""
    a = -0.75  # PyTorch's, with which the weights were trained; Keys derives -0.5
    position = sample_positions(len(x), length)
    first = np.floor(position).astype(int) - 1
    y = np.zeros((length, *x.shape[1:]), x.dtype)
    for tap in range(4):
        d = np.abs(position - (first + tap))
        weight = np.where(d <= 1, (a + 2) * d**3 - (a + 3) * d**2 + 1, a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a)
        y += weight.astype(x.dtype).reshape(-1, *[1] * (x.ndim - 1)) * x[np.clip(first + tap, 0, len(x) - 1)]
    return y


def upsample2(x):
    """Double height and width, bilinearly: [h, w, C] -> [2 h, 2 w, C]."""
    tall = np.moveaxis(linear_resize(np.moveaxis(x, -3, 0), 2 * x.shape[-3]), 0, -3)  # [h, w, C] -> [2 h, w, C]
    return np.moveaxis(linear_resize(np.moveaxis(tall, -2, 0), 2 * x.shape[-2]), 0, -2)


# --- the plain vision transformer ------------------------------------------------------------------------------------


def absolute_positions(table, height, width):
    """Resize the learned positions, without the class token's, to the grid: [1, 1 + n * n, C] -> [h, w, C]."""
    side = math.isqrt(table.shape[1] - 1)
    grid = table[0, 1:].reshape(side, side, -1)
    if (height, width) == (side, side):
        return grid
    return cubic_resize(cubic_resize(grid.swapaxes(0, 1), width).swapaxes(0, 1), height)


def patch_embed(image, w, record=unchanged):
    """Turn each patch into a token, and add its position: [H, W, 4] -> [h, w, C]."""
    patch = w["projection.weight"].shape[-1]
    tokens = record("projection", conv(image, under(w, "projection."), stride=patch))
    if "position_embeddings" in w:
        tokens = tokens + absolute_positions(w["position_embeddings"], *tokens.shape[:2])
    return record("", tokens)


def relative_positions(table, length):
    """Give one vector per query and key along an axis: [2 n - 1, d] -> [length (query), length (key), d]."""
    if len(table) != 2 * length - 1:
        table = linear_resize(table, 2 * length - 1)
    offset = np.arange(length)[:, None] - np.arange(length)[None, :]  # query minus key
    return table[offset + length - 1]


def attention(x, w, heads, record=unchanged):
    """Apply multi-head self-attention to a token grid, or each of several: [..., h, w, C] -> the same.

    The probabilities [..., heads, N, N] come second; N = h w tokens, d = C / heads.
    """
    *_, height, width, channels = x.shape
    size = channels // heads
    qkv = record("qkv", linear(x, under(w, "qkv.")))  # [..., h, w, C] -> [..., h, w, 3 C]
    qkv = qkv.reshape(*x.shape[:-1], 3, heads, size)
    q, k, v = np.moveaxis(qkv, (-3, -2), (0, -4))  # 3 times [..., heads, h, w, d]
    k, v = (y.reshape(*y.shape[:-3], height * width, size) for y in (k, v))  # [..., heads, N, d]
    score = (q * x.dtype.type(size**-0.5)).reshape(k.shape) @ k.swapaxes(-1, -2)  # [..., heads, N, N]
    if "rel_pos_h" in w:  # the query is unscaled, a convention: the factor could be in the tables
        score = score.reshape(*q.shape[:-1], height, width)  # [..., heads, h, w, h, w]
        score += np.einsum("...hwc,hyc->...hwy", q, relative_positions(w["rel_pos_h"], height))[..., None]
        score += np.einsum("...hwc,wxc->...hwx", q, relative_positions(w["rel_pos_w"], width))[..., None, :]
        score = score.reshape(*k.shape[:-1], -1)
    probability = record("probabilities", softmax(score))
    attended = (probability @ v).swapaxes(-2, -3).reshape(x.shape)  # heads side by side again
    return record("", linear(attended, under(w, "proj."))), probability


def into_windows(x, window):
    """Pad with zero tokens and cut: [h, w, C] -> [windows, window, window, C], row by row."""
    height, width, channels = x.shape
    x = np.pad(x, ((0, -height % window), (0, -width % window), (0, 0)))
    x = x.reshape(-1, window, x.shape[1] // window, window, channels)  # [rows, window, columns, window, C]
    return x.swapaxes(1, 2).reshape(-1, window, window, channels)


def out_of_windows(windows, height, width):
    """Put windows together again and crop the padding: [windows, window, window, C] -> [h, w, C]."""
    _, window, _, channels = windows.shape
    columns = -(-width // window)
    x = windows.reshape(-1, columns, window, window, channels).swapaxes(1, 2)
    return x.reshape(-1, columns * window, channels)[:height, :width]


def window_attention(x, w, heads, window, record=unchanged):
    """Apply attention inside windows; the grid is padded with zero tokens, which take part: [h, w, C] -> [h, w, C]."""
    attended, probability = attention(into_windows(x, window), w, heads, record)
    return out_of_windows(attended, *x.shape[:2]), probability


def mlp(x, w, record=unchanged):
    """Apply two linear layers with a GELU between: [..., C] -> [..., C]."""
    hidden = record("fc1", linear(x, under(w, "fc1.")))
    return record("", linear(gelu(hidden), under(w, "fc2.")))


def residual_neck(x, w, record=unchanged):
    """Apply a bottleneck of convolutions, and add its input: [h, w, C] -> [h, w, C]."""
    y = record("conv1", conv(x, under(w, "conv1.")))
    y = gelu(record("norm1", layer_norm(y, under(w, "norm1."))))
    y = record("conv2", conv(y, under(w, "conv2."), padding=1))
    y = gelu(record("norm2", layer_norm(y, under(w, "norm2."))))
    y = record("conv3", conv(y, under(w, "conv3.")))
    return record("", x + record("norm3", layer_norm(y, under(w, "norm3."))))


def block(x, w, heads, window, epsilon, record=unchanged):
    """Apply one transformer block; the probabilities come second, [windows, heads, tokens, tokens]."""
    normalized = record("norm1", layer_norm(x, under(w, "norm1."), epsilon))
    part, listener = under(w, "attention."), inside(record, "attention")
    if window:
        attended, probability = window_attention(normalized, part, heads, window, listener)
    else:
        attended, probability = attention(normalized, part, heads, listener)
        probability = probability[None]
    x = x + attended
    normalized = record("norm2", layer_norm(x, under(w, "norm2."), epsilon))
    x = x + mlp(normalized, under(w, "mlp."), inside(record, "mlp"))
    if "residual.conv1.weight" in w:
        x = residual_neck(x, under(w, "residual."), inside(record, "residual"))
    return record("", x), probability


# --- the detail capture decoder --------------------------------------------------------------------------------------


def conv_norm_relu(x, w, stride, epsilon, record=unchanged):
    """Apply 3x3 convolution, batch norm and ReLU."""
    x = record("conv", conv(x, under(w, "conv."), stride, padding=1))
    return relu(record("batch_norm", batch_norm(x, under(w, "batch_norm."), epsilon)))


def convstream(image, w, epsilon, record=unchanged):
    """Compute the detail maps D0, the image itself, and D1, D2, D3 at 1/2, 1/4 and 1/8 of its size."""
    maps = [image]
    while f"convs.{len(maps) - 1}.conv.weight" in w:
        name = f"convs.{len(maps) - 1}"  # makes D1 from D0, and so on
        detail = conv_norm_relu(maps[-1], under(w, f"{name}."), 2, epsilon, inside(record, name))
        maps.append(record(name, detail))
    return maps


def fusion_block(features, detail, w, epsilon, record=unchanged):
    """Double the features, put the detail map before them, convolve: [h, w, C], [2 h, 2 w, D] -> [2 h, 2 w, C']."""
    joined = np.concatenate([detail, upsample2(features)], axis=-1)
    return record("", conv_norm_relu(joined, under(w, "conv."), 1, epsilon, inside(record, "conv")))


def matting_head(x, w, record=unchanged):
    """Apply 3x3 convolution, batch norm, ReLU, 1x1 convolution and sigmoid: [H, W, C] -> [H, W]."""
    x = record("matting_convs.0", conv(x, under(w, "matting_convs.0."), padding=1))
    x = relu(record("matting_convs.1", batch_norm(x, under(w, "matting_convs.1."), epsilon=1e-5)))
    return sigmoid(record("", conv(x, under(w, "matting_convs.3."))))[..., 0]


# --- ViTMatte --------------------------------------------------------------------------------------------------------


def vitmatte(image, weights, config, record=unchanged):
    """Compute the alpha of one image: [H, W, 4] -> [H, W].

    ``image``: normalized RGB and trimap / 255, height and width multiples of the patch size. ``weights``: the tensors
    of a checkpoint, in the image's float type. ``config``: a ``VitMatteConfig``.
    """
    vit, eps = config.backbone_config, config.batch_norm_eps

    def part(name):
        return {"w": under(weights, f"{name}."), "record": inside(record, name)}

    image = record("pixel_values", image)
    hidden_states = [patch_embed(image, **part("backbone.embeddings"))]
    for index in range(vit.num_hidden_layers):
        window = vit.window_size if index in vit.window_block_indices else 0
        settings = {"heads": vit.num_attention_heads, "window": window, "epsilon": vit.layer_norm_eps}
        x, _ = block(hidden_states[-1], **settings, **part(f"backbone.encoder.layer.{index}"))
        hidden_states.append(x)
    x = hidden_states[vit.feature_index]
    details = convstream(image, epsilon=eps, **part("decoder.convstream"))  # D0, D1, D2, D3
    for index, detail in enumerate(reversed(details)):  # D3 first
        x = fusion_block(x, detail, epsilon=eps, **part(f"decoder.fusion_blocks.{index}"))
    return record("alphas", matting_head(x, **part("decoder.matting_head")))
