"""Solutions of notebook 07. Try first: the check in the notebook says where an answer goes wrong.

Names begin with the exercise: ``solution_1``, and ``wrong_1_...`` for mistakes that people make.
"""

import numpy as np

# --- 07.1: a map of the whole grid -----------------------------------------------------------------------------------


def solution_1(probabilities, s, row, column, height, width):
    """Division says which window, and the remainder which token in it."""
    top, left = row // s, column // s
    inside = probabilities[top * (width // s) + left, (row % s) * s + column % s]
    full = np.zeros((height, width))
    full[top * s : (top + 1) * s, left * s : (left + 1) * s] = inside.reshape(s, s)
    return full


def wrong_1_column_by_column(probabilities, s, row, column, height, width):
    """Windows are counted row by row."""
    top, left = row // s, column // s
    inside = probabilities[left * (height // s) + top, (row % s) * s + column % s]
    full = np.zeros((height, width))
    full[top * s : (top + 1) * s, left * s : (left + 1) * s] = inside.reshape(s, s)
    return full


def wrong_1_the_window_alone(probabilities, s, row, column, height, width):
    """That is the map of the window, not of the grid."""
    return probabilities[row // s * (width // s) + column // s, (row % s) * s + column % s].reshape(s, s)


# --- 07.2: rollout ---------------------------------------------------------------------------------------------------


def solution_2(matrices):
    """A later block stands on the left: its rows are mixtures of the earlier ones'."""
    total = np.eye(matrices.shape[1])
    for matrix in matrices:
        total = (0.5 * np.eye(len(matrix)) + 0.5 * matrix) @ total
    return total


def wrong_2_other_order(matrices):
    """Matrices do not commute."""
    return solution_2(matrices[::-1])


def wrong_2_without_residual(matrices):
    """Each block keeps its input as well."""
    return np.linalg.multi_dot(matrices[::-1])


# --- 07.3: what is received ------------------------------------------------------------------------------------------


def solution_3(probabilities):
    """The sum goes over queries, which are the rows."""
    return probabilities.mean(axis=0).sum(axis=0)


def wrong_3_given(probabilities):
    """What a token gives is always 1."""
    return probabilities.mean(axis=0).sum(axis=1)


def wrong_3_mean(probabilities):
    """An even share would be 1 / N, not 1."""
    return probabilities.mean(axis=(0, 1))


# --- 07.4: distance --------------------------------------------------------------------------------------------------


def solution_4(probabilities, height, width):
    """Tokens are numbered row by row."""
    numbers = np.arange(height * width)
    y, x = numbers // width, numbers % width
    apart = np.hypot(y[:, None] - y[None], x[:, None] - x[None])
    return (probabilities * apart).sum(axis=-1).mean(axis=-1)


def wrong_4_of_the_numbers(probabilities, height, width):
    """The end of a row is far from the start of the next."""
    numbers = np.arange(height * width)
    return (probabilities * np.abs(numbers[:, None] - numbers)).sum(axis=-1).mean(axis=-1)


def wrong_4_transposed_grid(probabilities, height, width):
    """``width`` tokens stand in a row."""
    return solution_4(probabilities, width, height)


# --- 07.5: radius ----------------------------------------------------------------------------------------------------


def solution_5(values, row, column, share):
    """Sort by distance, add up, and see where the sum is reached; a little slack is for rounding."""
    y, x = np.mgrid[: values.shape[0], : values.shape[1]]
    away = np.hypot(y - row, x - column).ravel()
    order = np.argsort(away)
    summed = np.cumsum(values.ravel()[order])
    return away[order][np.searchsorted(summed, share * values.sum())]


def wrong_5_largest_first(values, row, column, share):
    """That sorts by value, as if the places did not matter."""
    order = np.argsort(values.ravel())[::-1]
    summed = np.cumsum(values.ravel()[order])
    return np.sqrt(np.searchsorted(summed, share * values.sum()) / np.pi)


def wrong_5_square(values, row, column, share):
    """A square with that half side has corners farther away."""
    y, x = np.mgrid[: values.shape[0], : values.shape[1]]
    away = np.maximum(abs(y - row), abs(x - column)).ravel()
    order = np.argsort(away)
    summed = np.cumsum(values.ravel()[order])
    return away[order][np.searchsorted(summed, share * values.sum())] - 0.5
