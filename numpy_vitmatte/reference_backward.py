"""The gradient of ViTMatte in plain NumPy, by hand: the mirror of ``reference.py``, section by section.

Read it together with ``reference.py``. Each function ``y = f(x, w, ...)`` of that file has its ``f_backward(dy, x, w,
...)`` here, in the same order. A loss is a number, and ``dy`` its gradient by y: an array of y's shape that says how
much the loss grows with each entry of y. The function gives ``dx`` and ``dw``, the gradients by x and by the weights.

- ``dw`` is a dict under the names of ``w``; functions without weights give ``dx`` alone. ``above`` puts a prefix before
  names, which ``under`` takes away, so that gradients end under the names of the checkpoint.
- What a gradient needs is computed again by ``forward.f``, so that each function can be read, and checked, alone.
- Where y is a sum of two terms, dy goes to both; where x is used twice, its two gradients are added.
- One ``d`` runs through a chain: the gradient by a layer's output before its line, by its input after it.
- ``training``: the statistics in batch norms are those of these very images (``training.batch_statistics`` makes such
  weights) and change with them; otherwise they are constants. For that the decoder takes a stack of images.
"""

import math

import numpy as np

from numpy_vitmatte import reference as forward
from numpy_vitmatte.reference import under


def above(weights, prefix):
    """Put ``prefix`` before the names of the weights: ``under`` takes it away."""
    return {prefix + name: value for name, value in weights.items()}


# --- building blocks -------------------------------------------------------------------------------------------------


def linear_backward(dy, x, w):
    """Each input reached all outputs, by its column of the weight; each weight joined one input to one output."""
    dx = dy @ w["weight"]  # [..., out] @ [out, in] -> [..., in]
    dy, x = dy.reshape(-1, dy.shape[-1]), x.reshape(-1, x.shape[-1])  # [..., C] -> [all, C]
    dw = {"weight": dy.T @ x}  # [out, all] @ [all, in] -> [out, in]
    if "bias" in w:
        dw["bias"] = dy.sum(axis=0)
    return dx, dw


def normalize_backward(dy, y, deviation, axes):
    """Go back through y = (x - mean) / deviation over ``axes``: shifting or scaling x does not change y."""
    mean, slope = dy.mean(axis=axes, keepdims=True), (dy * y).mean(axis=axes, keepdims=True)
    return (dy - mean - y * slope) / deviation


def layer_norm_backward(dy, x, w, epsilon=1e-6):
    """Give the gradient of scale and shift, then that of the normalization over the channels."""
    mean = x.mean(axis=-1, keepdims=True)
    deviation = np.sqrt(((x - mean) ** 2).mean(axis=-1, keepdims=True) + x.dtype.type(epsilon))
    normalized, everywhere = (x - mean) / deviation, tuple(range(x.ndim - 1))
    dw = {"weight": (dy * normalized).sum(axis=everywhere), "bias": dy.sum(axis=everywhere)}
    return normalize_backward(dy * w["weight"], normalized, deviation, axes=-1), dw


def batch_norm_backward(dy, x, w, epsilon, training=False):
    """Go back as ``layer_norm_backward`` does, over all pixels; statistics that are constants leave a division."""
    deviation, everywhere = np.sqrt(w["running_var"] + x.dtype.type(epsilon)), tuple(range(x.ndim - 1))
    normalized = (x - w["running_mean"]) / deviation
    dw = {"weight": (dy * normalized).sum(axis=everywhere), "bias": dy.sum(axis=everywhere)}
    if training:
        return normalize_backward(dy * w["weight"], normalized, deviation, axes=everywhere), dw
    return dy * w["weight"] / deviation, dw


def gelu_backward(dy, x):
    """The slope of x P(x) is P(x) + x p(x), with the normal distribution P and its density p."""
    erf = np.vectorize(math.erf, otypes=[x.dtype])
    distribution = (1 + erf(x * x.dtype.type(math.sqrt(0.5)))) / 2
    density = np.exp(-(x**2) / 2) * x.dtype.type(1 / math.sqrt(2 * math.pi))
    return dy * (distribution + x * density)


def relu_backward(dy, x):
    """The gradient passes where x did."""
    return dy * (x > 0)


def sigmoid_backward(dy, x):
    """The slope of a = 1 / (1 + exp(-x)) is a (1 - a)."""
    a = forward.sigmoid(x)
    return dy * a * (1 - a)


def softmax_backward(dy, x):
    """Probabilities only move mass: each gains by how much its dy is above their mean of dy."""
    p = forward.softmax(x)
    return p * (dy - (dy * p).sum(axis=-1, keepdims=True))


def conv_backward(dy, x, w, stride=1, padding=0):
    """Go back tap by tap, as the forward pass goes: each tap is a linear layer on a part of the image."""
    _, _, kernel_h, kernel_w = w["weight"].shape
    padded = np.pad(x, [(0, 0)] * (x.ndim - 3) + [(padding, padding), (padding, padding), (0, 0)])
    (height, width), everywhere = dy.shape[-3:-1], tuple(range(dy.ndim - 1))
    dpadded, dweight = np.zeros_like(padded), np.zeros_like(w["weight"])
    for row in range(kernel_h):
        for column in range(kernel_w):
            tap = np.s_[..., row : row + stride * height : stride, column : column + stride * width : stride, :]
            dpadded[tap] += dy @ w["weight"][:, :, row, column]  # [h, w, out] -> [h, w, in]
            dweight[:, :, row, column] = np.tensordot(dy, padded[tap], (everywhere, everywhere))  # -> [out, in]
    dw = {"weight": dweight}
    if "bias" in w:
        dw["bias"] = dy.sum(axis=everywhere)
    return dpadded[..., padding : padding + x.shape[-3], padding : padding + x.shape[-2], :], dw


def linear_resize_backward(dy, x, length):
    """Resizing is a matrix R of resized unit vectors, and dx = R' dy: [length, ...] -> [len(x), ...]."""
    return np.tensordot(forward.linear_resize(np.eye(len(x), dtype=x.dtype), length), dy, axes=(0, 0))


def cubic_resize_backward(dy, x, length):
    """Go back as ``linear_resize_backward`` does."""
    return np.tensordot(forward.cubic_resize(np.eye(len(x), dtype=x.dtype), length), dy, axes=(0, 0))


def upsample2_backward(dy, x):
    """Apply the matrices of both resizes, transposed: [2 h, 2 w, C] -> [h, w, C]."""
    rows, columns = (forward.linear_resize(np.eye(side, dtype=x.dtype), 2 * side) for side in x.shape[-3:-1])
    return np.einsum("Hh,Ww,...HWc->...hwc", rows, columns, dy, optimize=True)


# --- the plain vision transformer ------------------------------------------------------------------------------------


def absolute_positions_backward(dy, table, height, width):
    """Go back from the grid to the stored positions; nothing reaches the class token's: -> [1, 1 + n * n, C]."""
    side = math.isqrt(table.shape[1] - 1)
    grid = table[0, 1:].reshape(side, side, -1)
    if (height, width) != (side, side):
        dy = cubic_resize_backward(dy, grid, height).swapaxes(0, 1)  # [h, w, C] -> [w, n, C]
        dy = cubic_resize_backward(dy, grid, width).swapaxes(0, 1)  # [w, n, C] -> [n, n, C]
    dtable = np.zeros_like(table)
    dtable[0, 1:] = dy.reshape(side * side, -1)
    return dtable


def patch_embed_backward(dy, image, w):
    """Go back through the sum and the convolution: [h, w, C] -> [H, W, 4]."""
    patch = w["projection.weight"].shape[-1]
    dimage, dprojection = conv_backward(dy, image, under(w, "projection."), stride=patch)
    dw = above(dprojection, "projection.")
    if "position_embeddings" in w:
        dw["position_embeddings"] = absolute_positions_backward(dy, w["position_embeddings"], *dy.shape[:2])
    return dimage, dw


def relative_positions_backward(dy, table, length):
    """All pairs of one offset add up to their row of the table: [length, length, d] -> [2 n - 1, d]."""
    dtable = np.zeros((2 * length - 1, dy.shape[-1]), dy.dtype)
    offset = np.arange(length)[:, None] - np.arange(length)[None, :]  # query minus key
    np.add.at(dtable, offset + length - 1, dy)
    if len(table) != 2 * length - 1:
        dtable = linear_resize_backward(dtable, table, 2 * length - 1)
    return dtable


def attention_backward(dy, x, w, heads):
    """Go back through values, probabilities and scores: [..., h, w, C] -> the same; probabilities are only looked at.

    Letters: n heads, those of all grids; hw the query's place, yx the key's; c channels, d = C / heads of them.
    """
    *_, height, width, channels = x.shape
    size, tokens, relative = channels // heads, height * width, "rel_pos_h" in w
    scale = x.dtype.type(size**-0.5)
    qkv = forward.linear(x, under(w, "qkv.")).reshape(-1, height, width, 3, heads, size)
    q, k, v = np.moveaxis(qkv, (3, 4), (0, 2)).reshape(3, -1, tokens, size)  # 3 times [n, N, d], N = h w tokens
    score = q * scale @ k.swapaxes(1, 2)  # [n, N, N]
    if relative:
        grid, score = q.reshape(-1, height, width, size), score.reshape(-1, height, width, height, width)
        rows = forward.relative_positions(w["rel_pos_h"], height)  # [h, y, d]
        columns = forward.relative_positions(w["rel_pos_w"], width)  # [w, x, d]
        score += np.einsum("nhwc,hyc->nhwy", grid, rows)[..., None]
        score += np.einsum("nhwc,wxc->nhwx", grid, columns)[..., None, :]
        score = score.reshape(-1, tokens, tokens)
    probability = forward.softmax(score)
    attended = (probability @ v).reshape(-1, heads, tokens, size).swapaxes(1, 2).reshape(x.shape)

    d, dproj = linear_backward(dy, attended, under(w, "proj."))
    d = d.reshape(-1, tokens, heads, size).swapaxes(1, 2).reshape(v.shape)  # [..., h, w, C] -> [n, N, d]
    dv = probability.swapaxes(1, 2) @ d  # [n, N (key), N (query)] @ [n, N, d]
    dscore = softmax_backward(d @ v.swapaxes(1, 2), score)  # [n, N (query), N (key)]
    dq, dk = dscore @ k * scale, dscore.swapaxes(1, 2) @ q * scale
    dw = above(dproj, "proj.")
    if relative:  # a row's offset is shared by all keys of that row, so their gradients add up; columns alike
        dscore = dscore.reshape(-1, height, width, height, width)
        by_row, by_column = dscore.sum(axis=-1), dscore.sum(axis=-2)  # [n, h, w, y], [n, h, w, x]
        dgrid = np.einsum("nhwy,hyc->nhwc", by_row, rows) + np.einsum("nhwx,wxc->nhwc", by_column, columns)
        dq += dgrid.reshape(q.shape)
        drows, dcolumns = np.einsum("nhwy,nhwc->hyc", by_row, grid), np.einsum("nhwx,nhwc->wxc", by_column, grid)
        dw["rel_pos_h"] = relative_positions_backward(drows, w["rel_pos_h"], height)
        dw["rel_pos_w"] = relative_positions_backward(dcolumns, w["rel_pos_w"], width)
    dqkv = np.stack([dq, dk, dv]).reshape(3, -1, heads, height, width, size)
    dqkv = np.moveaxis(dqkv, (0, 2), (3, 4)).reshape(*x.shape[:-1], 3 * channels)  # -> [..., h, w, 3 C]
    dx, dqkv = linear_backward(dqkv, x, under(w, "qkv."))
    return dx, dw | above(dqkv, "qkv.")


def into_windows_backward(dy, x, window):
    """Zero tokens that were added are no input: [windows, window, window, C] -> [h, w, C]."""
    return forward.out_of_windows(dy, *x.shape[:2])


def out_of_windows_backward(dy, windows, height, width):
    """Tokens that were cropped had no effect, so theirs is 0: [h, w, C] -> [windows, window, window, C]."""
    return forward.into_windows(dy, windows.shape[1])


def window_attention_backward(dy, x, w, heads, window):
    """Go back through all windows, which share the weights: [h, w, C] -> [h, w, C]."""
    windows = forward.into_windows(x, window)
    d, dw = attention_backward(out_of_windows_backward(dy, windows, *x.shape[:2]), windows, w, heads)
    return into_windows_backward(d, x, window), dw


def mlp_backward(dy, x, w):
    """Go back through the two linear layers and the GELU between: [..., C] -> [..., C]."""
    hidden = forward.linear(x, under(w, "fc1."))
    d, dfc2 = linear_backward(dy, forward.gelu(hidden), under(w, "fc2."))
    dx, dfc1 = linear_backward(gelu_backward(d, hidden), x, under(w, "fc1."))
    return dx, above(dfc1, "fc1.") | above(dfc2, "fc2.")


def residual_neck_backward(dy, x, w):
    """Go back through the three convolutions, and past them: [h, w, C] -> [h, w, C]."""
    conv1 = forward.conv(x, under(w, "conv1."))
    norm1 = forward.layer_norm(conv1, under(w, "norm1."))
    conv2 = forward.conv(forward.gelu(norm1), under(w, "conv2."), padding=1)
    norm2 = forward.layer_norm(conv2, under(w, "norm2."))
    conv3 = forward.conv(forward.gelu(norm2), under(w, "conv3."))

    d, dnorm3 = layer_norm_backward(dy, conv3, under(w, "norm3."))
    d, dconv3 = conv_backward(d, forward.gelu(norm2), under(w, "conv3."))
    d, dnorm2 = layer_norm_backward(gelu_backward(d, norm2), conv2, under(w, "norm2."))
    d, dconv2 = conv_backward(d, forward.gelu(norm1), under(w, "conv2."), padding=1)
    d, dnorm1 = layer_norm_backward(gelu_backward(d, norm1), conv1, under(w, "norm1."))
    d, dconv1 = conv_backward(d, x, under(w, "conv1."))
    dw = above(dconv1, "conv1.") | above(dconv2, "conv2.") | above(dconv3, "conv3.")
    return dy + d, dw | above(dnorm1, "norm1.") | above(dnorm2, "norm2.") | above(dnorm3, "norm3.")


def block_backward(dy, x, w, heads, window, epsilon):
    """Go back through neck, MLP and attention, and past each of them."""
    norm1, norm2, inside = under(w, "norm1."), under(w, "norm2."), under(w, "attention.")
    where, attend, attend_backward = (heads,), forward.attention, attention_backward
    if window:
        where, attend, attend_backward = (heads, window), forward.window_attention, window_attention_backward
    for_attention = forward.layer_norm(x, norm1, epsilon)
    middle = x + attend(for_attention, inside, *where)[0]
    for_mlp = forward.layer_norm(middle, norm2, epsilon)

    d, dw = dy, {}
    if "residual.conv1.weight" in w:
        before_neck = middle + forward.mlp(for_mlp, under(w, "mlp."))
        d, dneck = residual_neck_backward(d, before_neck, under(w, "residual."))
        dw |= above(dneck, "residual.")
    dmlp_input, dmlp = mlp_backward(d, for_mlp, under(w, "mlp."))
    dmiddle, dnorm2 = layer_norm_backward(dmlp_input, middle, norm2, epsilon)
    d = d + dmiddle
    dattention_input, dinside = attend_backward(d, for_attention, inside, *where)
    dx, dnorm1 = layer_norm_backward(dattention_input, x, norm1, epsilon)
    dw |= above(dnorm1, "norm1.") | above(dinside, "attention.") | above(dnorm2, "norm2.") | above(dmlp, "mlp.")
    return d + dx, dw


# --- the detail capture decoder --------------------------------------------------------------------------------------


def conv_norm_relu_backward(dy, x, w, stride, epsilon, training=False):
    """Go back through ReLU, batch norm and 3x3 convolution."""
    convolved, norm = forward.conv(x, under(w, "conv."), stride, padding=1), under(w, "batch_norm.")
    d = relu_backward(dy, forward.batch_norm(convolved, norm, epsilon))
    d, dnorm = batch_norm_backward(d, convolved, norm, epsilon, training)
    dx, dconv = conv_backward(d, x, under(w, "conv."), stride, padding=1)
    return dx, above(dconv, "conv.") | above(dnorm, "batch_norm.")


def convstream_backward(dmaps, image, w, epsilon, training=False):
    """Go from the smallest map up: each map gets the decoder's gradient plus that of the next smaller map."""
    maps, dw = forward.convstream(image, w, epsilon), {}
    d = dmaps[-1]
    for index in reversed(range(len(maps) - 1)):
        part = f"convs.{index}."
        d, dconv = conv_norm_relu_backward(d, maps[index], under(w, part), 2, epsilon, training)
        d, dw = d + dmaps[index], dw | above(dconv, part)
    return d, dw


def fusion_block_backward(dy, features, detail, w, epsilon, training=False):
    """Go back to both inputs, which lie side by side in the channels: -> [h, w, C], [2 h, 2 w, D]."""
    joined = np.concatenate([detail, forward.upsample2(features)], axis=-1)
    d, dconv = conv_norm_relu_backward(dy, joined, under(w, "conv."), 1, epsilon, training)
    channels = detail.shape[-1]
    return upsample2_backward(d[..., channels:], features), d[..., :channels], above(dconv, "conv.")


def matting_head_backward(dy, x, w, training=False):
    """Go back through sigmoid, 1x1 convolution, ReLU, batch norm and 3x3 convolution: [H, W] -> [H, W, C]."""
    first, norm, last = (under(w, f"matting_convs.{index}.") for index in (0, 1, 3))
    convolved = forward.conv(x, first, padding=1)
    normalized = forward.batch_norm(convolved, norm, epsilon=1e-5)
    d = sigmoid_backward(dy[..., None], forward.conv(forward.relu(normalized), last))
    d, dlast = conv_backward(d, forward.relu(normalized), last)
    d, dnorm = batch_norm_backward(relu_backward(d, normalized), convolved, norm, 1e-5, training)
    dx, dfirst = conv_backward(d, x, first, padding=1)
    return dx, above(dfirst, "matting_convs.0.") | above(dnorm, "matting_convs.1.") | above(dlast, "matting_convs.3.")


# --- ViTMatte --------------------------------------------------------------------------------------------------------


def kept_states(kept, config):
    """Collect the results of ``vitmatte``: the hidden states, and the inputs of fusion blocks and head from below."""
    blocks, fusions = config.backbone_config.num_hidden_layers, len(config.fusion_hidden_sizes)
    hidden_states = [kept["backbone.embeddings"], *(kept[f"backbone.encoder.layer.{index}"] for index in range(blocks))]
    fused = [kept[f"decoder.fusion_blocks.{index}"] for index in range(fusions)]
    return hidden_states, [hidden_states[config.backbone_config.feature_index], *fused]


def vitmatte_backward(dalpha, image, weights, config, kept, training=False):
    """Compute the gradients of an image, or a stack: [H, W] -> [H, W, 4], and by every tensor that alphas depend on.

    ``kept``: what ``kept = {}; vitmatte(image, weights, config, kept.setdefault)`` recorded. A stack is [B, H, W, 4].
    """
    vit, eps, dw = config.backbone_config, config.batch_norm_eps, {}
    hidden_states, inputs = kept_states(kept, config)
    d, dhead = matting_head_backward(dalpha, inputs[-1], under(weights, "decoder.matting_head."), training)
    dw |= above(dhead, "decoder.matting_head.")
    stream = under(weights, "decoder.convstream.")
    details, ddetails = forward.convstream(image, stream, eps), []
    for index, detail in zip(reversed(range(len(details))), details, strict=True):  # D0 first
        part = f"decoder.fusion_blocks.{index}."
        d, ddetail, dfusion = fusion_block_backward(d, inputs[index], detail, under(weights, part), eps, training)
        ddetails, dw = [*ddetails, ddetail], dw | above(dfusion, part)
    dimage, dstream = convstream_backward(ddetails, image, stream, eps, training)
    dw |= above(dstream, "decoder.convstream.")
    for one in np.ndindex(image.shape[:-3]):  # tokens are one image's; of no stack, () is the only one
        dx, dbackbone = d[one], {}
        for index in reversed(range(vit.feature_index)):
            window = vit.window_size if index in vit.window_block_indices else 0
            part, settings = f"backbone.encoder.layer.{index}.", (vit.num_attention_heads, window, vit.layer_norm_eps)
            dx, dlayer = block_backward(dx, hidden_states[index][one], under(weights, part), *settings)
            dbackbone |= above(dlayer, part)
        dpatches, dembed = patch_embed_backward(dx, image[one], under(weights, "backbone.embeddings."))
        dimage[one] += dpatches
        dbackbone |= above(dembed, "backbone.embeddings.")
        dw |= {name: dw.get(name, 0) + value for name, value in dbackbone.items()}
    return dimage, dw
