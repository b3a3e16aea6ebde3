"""Solutions of notebook 05. Try first: the check in the notebook says where an answer goes wrong.

Names begin with the exercise: ``solution_1``, and ``wrong_1_...`` for mistakes that people make.
"""

import numpy as np

# --- 05.1: a convolution ---------------------------------------------------------------------------------------------


def solution_1(x, weight, stride, padding):
    """One product per tap; slices with a step are the stride."""
    _, _, rows, columns = weight.shape
    x = np.pad(x, ((padding, padding), (padding, padding), (0, 0)))
    height, width = (x.shape[0] - rows) // stride + 1, (x.shape[1] - columns) // stride + 1
    y = np.zeros((height, width, len(weight)))
    for row in range(rows):
        for column in range(columns):
            tap = x[row : row + stride * height : stride, column : column + stride * width : stride]
            y += tap @ weight[:, :, row, column].T
    return y


def wrong_1_flipped(x, weight, stride, padding):
    """That is what mathematicians call a convolution; networks do not flip."""
    return solution_1(x, weight[:, :, ::-1, ::-1], stride, padding)


def wrong_1_unpadded(x, weight, stride, padding):
    """The outputs at the edge are missing."""
    return solution_1(x, weight, stride, 0)


# --- 05.2: folding ---------------------------------------------------------------------------------------------------


def solution_2(weight, gamma, beta, mean, variance, epsilon):
    """Output channels are the first axis of the weight."""
    scale = gamma / np.sqrt(variance + epsilon)
    return weight * scale[:, None, None, None], beta - mean * scale


def wrong_2_input_channels(weight, gamma, beta, mean, variance, epsilon):
    """The second axis is that of the inputs."""
    scale = gamma / np.sqrt(variance + epsilon)
    return weight * scale[:, None, None], beta - mean * scale


def wrong_2_mean_not_scaled(weight, gamma, beta, mean, variance, epsilon):
    """The mean is subtracted before the scale, so it is scaled as well."""
    scale = gamma / np.sqrt(variance + epsilon)
    return weight * scale[:, None, None, None], beta - mean


def wrong_2_weight_alone(weight, gamma, beta, mean, variance, epsilon):
    """The shift is lost."""
    return weight * (gamma / np.sqrt(variance + epsilon))[:, None, None, None]


# --- 05.3: doubling --------------------------------------------------------------------------------------------------


def solution_3(x):
    """Along each axis: 3/4 of the nearest and 1/4 of the next, with repeated edges."""

    def double(x):
        before, after = np.concatenate([x[:1], x[:-1]]), np.concatenate([x[1:], x[-1:]])
        pairs = np.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis=1)
        return pairs.reshape(2 * len(x), *x.shape[1:])

    return double(double(x).swapaxes(0, 1)).swapaxes(0, 1)


def wrong_3_repeated(x):
    """Every pixel becomes four equal ones."""
    return x.repeat(2, axis=0).repeat(2, axis=1)


def wrong_3_corners(x):
    """The first and last samples stay in place; that is another convention (align_corners)."""

    def double(x):
        places = np.linspace(0, len(x) - 1, 2 * len(x))
        left = np.minimum(places.astype(int), len(x) - 2)
        share = (places - left).reshape(-1, *[1] * (x.ndim - 1))
        return (1 - share) * x[left] + share * x[left + 1]

    return double(double(x).swapaxes(0, 1)).swapaxes(0, 1)


# --- 05.4: fusion ----------------------------------------------------------------------------------------------------


def solution_4(features, detail, weight, bias):
    """The detail map comes first."""
    joined = np.concatenate([detail, solution_3(features)], axis=-1)
    return np.maximum(solution_1(joined, weight, stride=1, padding=1) + bias, 0)


def wrong_4_features_first(features, detail, weight, bias):
    """Each meets the weights of the other."""
    joined = np.concatenate([solution_3(features), detail], axis=-1)
    return np.maximum(solution_1(joined, weight, stride=1, padding=1) + bias, 0)


def wrong_4_without_relu(features, detail, weight, bias):
    """Negative numbers are left."""
    joined = np.concatenate([detail, solution_3(features)], axis=-1)
    return solution_1(joined, weight, stride=1, padding=1) + bias


# --- 05.5: the receptive field ---------------------------------------------------------------------------------------


def solution_5(sizes, strides):
    """``side`` outputs of a convolution need the first one's window and a stride more for each of the others."""
    side = 1
    for size, stride in zip(sizes[::-1], strides[::-1], strict=True):
        side = (side - 1) * stride + size
    return side


def wrong_5_from_the_front(sizes, strides):
    """That is the field of a stack in the other order."""
    return solution_5(sizes[::-1], strides[::-1]) + 1


def wrong_5_without_strides(sizes, strides):
    """Later windows are wider on the input by all strides before them."""
    return 1 + np.sum(sizes - 1)
