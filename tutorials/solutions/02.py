"""Solutions of notebook 02. Try first: the check in the notebook says where an answer goes wrong.

Names begin with the exercise: ``solution_1``, and ``wrong_1_...`` for mistakes that people make.
"""

import numpy as np

# --- 02.1: cut -------------------------------------------------------------------------------------------------------


def solution_1(image, side):
    """Split both axes, bring the rows and columns of the patches to the front, and flatten what is inside."""
    height, width, channels = image.shape
    cut = image.reshape(height // side, side, width // side, side, channels)  # [rows, side, columns, side, c]
    return cut.swapaxes(1, 2).reshape(height // side, width // side, side * side * channels)


def wrong_1_only_reshaped(image, side):
    """The shape is right, and each "patch" is a piece of one row."""
    return image.reshape(image.shape[0] // side, image.shape[1] // side, -1)


def wrong_1_channels_first(image, side):
    """The numbers of a patch stand in another order than asked for."""
    height, width, channels = image.shape
    cut = image.reshape(height // side, side, width // side, side, channels).transpose(0, 2, 4, 1, 3)
    return cut.reshape(height // side, width // side, -1)


# --- 02.2: put together ----------------------------------------------------------------------------------------------


def solution_2(cut, side):
    """The same steps backwards."""
    rows, columns, _ = cut.shape
    return cut.reshape(rows, columns, side, side, -1).swapaxes(1, 2).reshape(rows * side, columns * side, -1)


def wrong_2_only_reshaped(cut, side):
    """Each patch is laid out along a row."""
    return cut.reshape(cut.shape[0] * side, cut.shape[1] * side, -1)


def wrong_2_turned_patches(cut, side):
    """Rows and columns inside a patch are exchanged."""
    rows, columns, _ = cut.shape
    return cut.reshape(rows, columns, side, side, -1).transpose(0, 3, 1, 2, 4).reshape(rows * side, columns * side, -1)


# --- 02.3: a bicubic resize as a matrix ------------------------------------------------------------------------------


def solution_3(source, target, a=-0.75):
    """Each output reads four samples; beyond the ends the first or last one is read again, so weights are added."""
    matrix = np.zeros((target, source))
    for row in range(target):
        position = (row + 0.5) * source / target - 0.5
        for sample in range(int(np.floor(position)) - 1, int(np.floor(position)) + 3):
            d = abs(position - sample)
            near = (a + 2) * d**3 - (a + 3) * d**2 + 1
            far = a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
            matrix[row, min(max(sample, 0), source - 1)] += near if d <= 1 else far
    return matrix


def wrong_3_other_a(source, target):
    """Keys' own value is -0.5; PyTorch has -0.75."""
    return solution_3(source, target, a=-0.5)


def wrong_3_transposed(source, target):
    """A matrix times a column has a row for every output."""
    return solution_3(source, target).T


# --- 02.4: by hand ---------------------------------------------------------------------------------------------------


def solution_4():
    """(0 + 0.5) * 3 / 5 - 0.5 = -0.2, and then steps of 3 / 5."""
    return [-0.2, 0.4, 1.0, 1.6, 2.2]


def wrong_4_corners():
    """The centers of the first and last samples do not meet; the ends of the two lines do."""
    return [0, 0.5, 1, 1.5, 2]


def wrong_4_ends():
    """These are places on the ruler; the first sample's own center lies at 0.5 there."""
    return [0.3, 0.9, 1.5, 2.1, 2.7]


# --- 02.5: shifts ----------------------------------------------------------------------------------------------------


def solution_5(shifts):
    """A whole number of patches."""
    return shifts % 16 == 0


def wrong_5_half_patches(shifts):
    """Half a patch cuts every patch anew."""
    return shifts % 8 == 0


def wrong_5_padding(shifts):
    """32 is what sides are padded to."""
    return shifts % 32 == 0
