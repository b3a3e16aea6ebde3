"""Solutions of notebook 08. Try first: the check in the notebook says where an answer goes wrong.

Names begin with the exercise: ``solution_1``, and ``wrong_1_...`` for mistakes that people make.
"""

import numpy as np

# --- 08.1: a linear layer --------------------------------------------------------------------------------------------


def solution_1(dy, x, weight):
    """The weight is stored (out, in)."""
    return dy @ weight, dy.T @ x


def wrong_1_transposed(dy, x, weight):
    """That is the gradient of a weight stored (in, out)."""
    return dy @ weight, x.T @ dy


def wrong_1_mean(dy, x, weight):
    """Tokens share the weight, and what is shared adds up."""
    return dy @ weight, dy.T @ x / len(x)


# --- 08.2: softmax ---------------------------------------------------------------------------------------------------


def _softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def solution_2(dy, x):
    """The mean of dy is weighted by the probabilities."""
    p = _softmax(x)
    return p * (dy - (dy * p).sum(axis=-1, keepdims=True))


def wrong_2_plain_mean(dy, x):
    """It passes a check whose loss is a plain sum."""
    return _softmax(x) * (dy - dy.mean(axis=-1, keepdims=True))


def wrong_2_like_a_sigmoid(dy, x):
    """A larger score lowers all other probabilities as well."""
    p = _softmax(x)
    return dy * p * (1 - p)


# --- 08.3: layer norm ------------------------------------------------------------------------------------------------


def solution_3(dy, x, weight, epsilon):
    """Two means are subtracted: along the ones, and along n."""
    mean = x.mean(axis=-1, keepdims=True)
    s = np.sqrt(((x - mean) ** 2).mean(axis=-1, keepdims=True) + epsilon)
    n, dn = (x - mean) / s, dy * weight
    return (dn - dn.mean(axis=-1, keepdims=True) - n * (dn * n).mean(axis=-1, keepdims=True)) / s


def wrong_3_statistics_are_constants(dy, x, weight, epsilon):
    """Mean and deviation move with x."""
    return dy * weight / np.sqrt(x.var(axis=-1, keepdims=True) + epsilon)


def wrong_3_without_the_second_term(dy, x, weight, epsilon):
    """The deviation moves with x as well."""
    dn = dy * weight
    return (dn - dn.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + epsilon)


def wrong_3_without_the_mean(dy, x, weight, epsilon):
    """The mean moves with x as well."""
    mean = x.mean(axis=-1, keepdims=True)
    s = np.sqrt(x.var(axis=-1, keepdims=True) + epsilon)
    n, dn = (x - mean) / s, dy * weight
    return (dn - n * (dn * n).mean(axis=-1, keepdims=True)) / s


# --- 08.4: a convolution ---------------------------------------------------------------------------------------------


def solution_4(dy, weight, stride, padding, height, width):
    """Add what each tap sends back to the padded input, then take the frame away."""
    _, inputs, rows, columns = weight.shape
    padded = np.zeros((height + 2 * padding, width + 2 * padding, inputs))
    for row in range(rows):
        for column in range(columns):
            down = slice(row, row + stride * dy.shape[0], stride)
            right = slice(column, column + stride * dy.shape[1], stride)
            padded[down, right] += dy @ weight[:, :, row, column]
    return padded[padding : padding + height, padding : padding + width]


def wrong_4_frame_kept(dy, weight, stride, padding, height, width):
    """The padding is no input; without a crop everything is shifted by it."""
    return solution_4(dy, weight, stride, 0, height + 2 * padding, width + 2 * padding)[:height, :width]


def wrong_4_stride_forgotten(dy, weight, stride, padding, height, width):
    """A second output of stride 2 has read two pixels further."""
    inputs = weight.shape[1]
    padded = np.zeros((height + 2 * padding, width + 2 * padding, inputs))
    for row in range(3):
        for column in range(3):
            padded[row : row + dy.shape[0], column : column + dy.shape[1]] += dy @ weight[:, :, 2 - row, 2 - column]
    return padded[padding : padding + height, padding : padding + width]


# --- 08.5: one head --------------------------------------------------------------------------------------------------


def solution_5(da, q, k, v):
    """Last step first; the root divides on both ways back."""
    scale = 1 / np.sqrt(q.shape[1])
    p = _softmax(q @ k.T * scale)
    dv, dp = p.T @ da, da @ v.T
    dscore = p * (dp - (dp * p).sum(axis=-1, keepdims=True))
    return dscore @ k * scale, dscore.T @ q * scale, dv


def wrong_5_unscaled(da, q, k, v):
    """The scores were divided by the root of d, so their gradients are, too."""
    dq, dk, dv = solution_5(da, q, k, v)
    return dq * np.sqrt(q.shape[1]), dk * np.sqrt(q.shape[1]), dv


def wrong_5_not_transposed(da, q, k, v):
    """A key gathers from all queries: the columns."""
    scale = 1 / np.sqrt(q.shape[1])
    p = _softmax(q @ k.T * scale)
    dp = da @ v.T
    dscore = p * (dp - (dp * p).sum(axis=-1, keepdims=True))
    return dscore @ k * scale, dscore @ q * scale, p @ da
