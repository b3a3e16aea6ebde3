"""Solutions of notebook 10. Try first: the check in the notebook says where an answer goes wrong.

Names begin with the exercise: ``solution_1``, and ``wrong_1_...`` for mistakes that people make.
"""

import numpy as np

# --- 10.1: reads -----------------------------------------------------------------------------------------------------


def solution_1(rows, columns, depth, r, c):
    """Each tile reads r + c numbers for every k."""
    return (rows // r) * (columns // c) * depth * (r + c)


def wrong_1_without_tiles(rows, columns, depth, r, c):
    """That is two reads for each multiply-add."""
    return 2 * rows * columns * depth


def wrong_1_product(rows, columns, depth, r, c):
    """The tile has r * c sums, but reads only r + c numbers."""
    return (rows // r) * (columns // c) * depth * r * c


# --- 10.2: panels ----------------------------------------------------------------------------------------------------


def solution_2(matrix, width):
    """Split the columns, and bring the panels to the front."""
    depth, columns = matrix.shape
    padded = np.pad(matrix, ((0, 0), (0, -columns % width)))
    return padded.reshape(depth, -1, width).swapaxes(0, 1)


def wrong_2_only_reshaped(matrix, width):
    """The shape is right, and each panel is a piece of some rows."""
    depth, columns = matrix.shape
    return np.pad(matrix, ((0, 0), (0, -columns % width))).reshape(-1, depth, width)


def wrong_2_last_panel_lost(matrix, width):
    """The columns that do not fill a panel count as well."""
    return solution_2(matrix[:, : matrix.shape[1] // width * width], width)


# --- 10.3: bfloat16 --------------------------------------------------------------------------------------------------


def solution_3(x):
    """``frexp`` gives a fraction from 1/2 to 1: times 256 it has 8 binary digits before the point."""
    fraction, power = np.frexp(x)
    return np.ldexp(np.rint(fraction * 256), power - 8)


def wrong_3_cut(x):
    """Cutting makes every number smaller: the mean drifts."""
    fraction, power = np.frexp(x)
    return np.ldexp(np.floor(fraction * 256), power - 8)


def wrong_3_seven_digits(x):
    """The leading one is not stored, but it counts."""
    fraction, power = np.frexp(x)
    return np.ldexp(np.rint(fraction * 128), power - 7)


def wrong_3_ties_up(x):
    """A tie goes to the neighbor whose last digit is 0."""
    fraction, power = np.frexp(x)
    return np.ldexp(np.floor(fraction * 256 + 0.5), power - 8)


# --- 10.4: spacing ---------------------------------------------------------------------------------------------------


def solution_4(x, bits):
    """Each octave, from a power of two to the next, has 2 ** bits equal steps."""
    return 2.0 ** (np.floor(np.log2(x)) - bits)


def wrong_4_relative(x, bits):
    """Within an octave steps are equal; they do not grow with x."""
    return x * 2.0**-bits


def wrong_4_next_octave(x, bits):
    """That is the spacing above the next power of two."""
    return 2.0 ** (np.ceil(np.log2(x)) - bits)


# --- 10.5: steps -----------------------------------------------------------------------------------------------------


def solution_5(width, channels, size, stride):
    """A segment is one image row of a window; only the steps between outputs know the stride."""
    return [stride * channels, width * channels, size * channels, stride * width * channels]


def wrong_5_pixels(width, channels, size, stride):
    """Steps count numbers, and a pixel has several."""
    return [stride, width, size, stride * width]


def wrong_5_stride_inside(width, channels, size, stride):
    """A window's own rows lie one image row apart, whatever the stride is."""
    return [stride * channels, stride * width * channels, size * channels, stride * width * channels]
