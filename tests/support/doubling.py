"""Bilinear doubling along one axis, written down as a matrix."""

import numpy as np


def doubling_matrix(length):
    """(2 length, length): doubled sample 2 i lies 1/4 before source i, 2 i + 1 lies 1/4 after; the edges repeat."""
    matrix = np.zeros((2 * length, length))
    for i in range(length):
        for doubled, neighbor in ((2 * i, max(i - 1, 0)), (2 * i + 1, min(i + 1, length - 1))):
            matrix[doubled, i] += 0.75
            matrix[doubled, neighbor] += 0.25
    return matrix
