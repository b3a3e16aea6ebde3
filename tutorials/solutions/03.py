"""Solutions of notebook 03. Try first: the check in the notebook says where an answer goes wrong.

Names begin with the exercise: ``solution_1``, and ``wrong_1_...`` for mistakes that people make.
"""

import numpy as np

# --- 03.1: softmax ---------------------------------------------------------------------------------------------------


def solution_1(scores):
    """The largest score becomes 0, and its exponential 1."""
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def wrong_1_overflows(scores):
    """Infinity divided by infinity is not a number."""
    return np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)


def wrong_1_other_axis(scores):
    """Each column has the sum 1, not each row."""
    e = np.exp(scores - scores.max(axis=0))
    return e / e.sum(axis=0)


# --- 03.2: scores ----------------------------------------------------------------------------------------------------


def solution_2(q, k):
    """``swapaxes`` leaves the heads where they are; ``.T`` would turn them around as well."""
    return q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])


def wrong_2_unscaled(q, k):
    """Scores grow with the number of channels."""
    return q @ k.swapaxes(-1, -2)


def wrong_2_keys_first(q, k):
    """A row belongs to a key."""
    return k @ q.swapaxes(-1, -2) / np.sqrt(q.shape[-1])


# --- 03.3: relative positions ----------------------------------------------------------------------------------------


def solution_3(table, length):
    """Offsets are query minus key; the smallest, -(n - 1), stands in row 0."""
    offset = np.arange(length)[:, None] - np.arange(length)[None, :]
    return table[offset + length - 1]


def wrong_3_key_minus_query(table, length):
    """Left and right are exchanged."""
    offset = np.arange(length)[None, :] - np.arange(length)[:, None]
    return table[offset + length - 1]


def wrong_3_from_the_end(table, length):
    """NumPy counts negative rows from the end, so nothing fails and everything is in the wrong place."""
    return table[np.arange(length)[:, None] - np.arange(length)[None, :]]


# --- 03.4: windows ---------------------------------------------------------------------------------------------------


def solution_4(x, side):
    """``-height % side`` is what is missing to the next multiple."""
    height, width, channels = x.shape
    x = np.pad(x, ((0, -height % side), (0, -width % side), (0, 0)))
    x = x.reshape(x.shape[0] // side, side, x.shape[1] // side, side, channels)
    return x.swapaxes(1, 2).reshape(-1, side, side, channels)


def wrong_4_padded_before(x, side):
    """The zeros belong below and on the right."""
    height, width, _ = x.shape
    return solution_4(np.pad(x, ((-height % side, 0), (-width % side, 0), (0, 0))), side)


def wrong_4_cropped(x, side):
    """The tokens of the last windows are lost."""
    return solution_4(x[: len(x) // side * side, : x.shape[1] // side * side], side)


# --- 03.5: one head --------------------------------------------------------------------------------------------------


def solution_5(q, k, v, rows, columns):
    """``hw`` is the query's place, ``yx`` the key's; only the content is divided by the root."""
    height, width, size = q.shape
    score = np.einsum("hwc,yxc->hwyx", q, k) / np.sqrt(size)
    score = score + np.einsum("hwc,hyc->hwy", q, rows)[:, :, :, None]
    score = score + np.einsum("hwc,wxc->hwx", q, columns)[:, :, None, :]
    probability = solution_1(score.reshape(height, width, height * width))
    return probability @ v.reshape(height * width, size)


def wrong_5_scaled_offsets(q, k, v, rows, columns):
    """The offsets meet the query as it is."""
    return solution_5(q, k, v, rows / np.sqrt(q.shape[-1]), columns / np.sqrt(q.shape[-1]))


def wrong_5_key_by_query(q, k, v, rows, columns):
    """The first axis of the tables is the query's."""
    return solution_5(q, k, v, rows.swapaxes(0, 1), columns.swapaxes(0, 1))


def wrong_5_softmax_of_columns(q, k, v, rows, columns):
    """The softmax goes over all keys, not over those of one row of the grid."""
    size = q.shape[-1]
    score = np.einsum("hwc,yxc->hwyx", q, k) / np.sqrt(size)
    score = score + np.einsum("hwc,hyc->hwy", q, rows)[..., None] + np.einsum("hwc,wxc->hwx", q, columns)[:, :, None]
    return np.einsum("hwyx,yxc->hwc", solution_1(score), v)
