"""Solutions of notebook 01. Try first: the check in the notebook says where an answer goes wrong.

Names begin with the exercise: ``solution_1``, and ``wrong_1_...`` for mistakes that people make.
"""

import math

import numpy as np

# --- 01.1: the matting equation --------------------------------------------------------------------------------------


def solution_1(alpha, foreground, background):
    """``alpha[..., None]`` has one channel, which NumPy repeats for red, green and blue."""
    share = alpha[..., None]
    return share * foreground + (1 - share) * background


def wrong_1_swapped(alpha, foreground, background):
    """Alpha is the foreground's share."""
    return (1 - alpha[..., None]) * foreground + alpha[..., None] * background


def wrong_1_no_channel(alpha, foreground, background):
    """An (H, W) array does not meet an (H, W, 3) one: NumPy compares shapes from the last axis."""
    return alpha * foreground + (1 - alpha) * background


# --- 01.2: four channels ---------------------------------------------------------------------------------------------


def solution_2(photo, trimap):
    """Only the colors are normalized."""
    return np.dstack([photo / 127.5 - 1, trimap / 255])


def wrong_2_normalized_trimap(photo, trimap):
    """The trimap stays in [0, 1]."""
    return np.dstack([photo, trimap]) / 127.5 - 1


def wrong_2_channels_first(photo, trimap):
    """That is PyTorch's order; inside this package channels come last."""
    return np.moveaxis(solution_2(photo, trimap), -1, 0)


# --- 01.3: the token grid --------------------------------------------------------------------------------------------


def solution_3(height, width):
    """Pad first: 32 pixels are two tokens."""
    return 2 * math.ceil(height / 32), 2 * math.ceil(width / 32)


def wrong_3_cropped(height, width):
    """What does not fill a patch would be lost."""
    return height // 16, width // 16


def wrong_3_padded_to_patches(height, width):
    """The processor pads to multiples of 32, not of 16."""
    return math.ceil(height / 16), math.ceil(width / 16)


# --- 01.4: how many scores -------------------------------------------------------------------------------------------


def solution_4(rows, columns, window):
    """A window has ``window ** 2`` tokens, so ``window ** 4`` scores; the last windows of a row are filled up."""
    if window == 0:
        return (rows * columns) ** 2
    return math.ceil(rows / window) * math.ceil(columns / window) * window**4


def wrong_4_without_padding(rows, columns, window):
    """Windows that reach over the edge count as well."""
    return (rows * columns) ** 2 if window == 0 else (rows // window) * (columns // window) * window**4


def wrong_4_every_window(rows, columns, window):
    """Each token has a score with the tokens of its own window alone."""
    return (rows * columns) ** 2


# --- 01.5: known pixels ----------------------------------------------------------------------------------------------


def solution_5(alpha, trimap):
    """A copy, because the caller may want the raw alpha as well."""
    known = alpha.copy()
    known[trimap == 0], known[trimap == 255] = 0, 1
    return known


def wrong_5_in_place(alpha, trimap):
    """The raw alpha is gone."""
    alpha[trimap == 0], alpha[trimap == 255] = 0, 1
    return alpha


def wrong_5_rounded(alpha, trimap):
    """Unknown pixels, 128, would become foreground."""
    return np.where(trimap >= 128, 1.0, 0.0)
