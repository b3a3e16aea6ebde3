"""Solutions of notebook 06. Try first: the check in the notebook says where an answer goes wrong.

Names begin with the exercise: ``solution_1``, and ``wrong_1_...`` for mistakes that people make.
"""

import numpy as np

# --- 06.1: projection ------------------------------------------------------------------------------------------------


def solution_1(i, f, b):
    """How far along the line from B to F the color lies."""
    line = f - b
    return np.clip(((i - b) * line).sum(axis=-1) / (line * line).sum(axis=-1), 0, 1)


def wrong_1_not_clipped(i, f, b):
    """Colors beyond the ends give alphas that no pixel can have."""
    line = f - b
    return ((i - b) * line).sum(axis=-1) / (line * line).sum(axis=-1)


def wrong_1_mean_of_channels(i, f, b):
    """Each channel has an opinion, and the one with the smallest difference shouts loudest."""
    return np.clip(((i - b) / (f - b)).mean(axis=-1), 0, 1)


# --- 06.2: SAD and MSE -----------------------------------------------------------------------------------------------


def solution_2(alpha, truth, region):
    """A sum in thousands of pixels, and a mean in thousandths."""
    difference = (alpha - truth)[region]
    return np.abs(difference).sum() / 1000, (difference**2).mean() * 1000


def wrong_2_everywhere(alpha, truth, region):
    """Pixels outside the region do not count."""
    return np.abs(alpha - truth).sum() / 1000, ((alpha - truth) ** 2).mean() * 1000


def wrong_2_divided_by_all(alpha, truth, region):
    """The mean is that of the region's pixels."""
    difference = (alpha - truth) * region
    return np.abs(difference).sum() / 1000, (difference**2).mean() * 1000


# --- 06.3: a trimap from an alpha ------------------------------------------------------------------------------------


def solution_3(alpha, inside, outside):
    """A mask grows by a disc if it is shifted to every place in it; shifts beyond the edge bring nothing."""

    def grown(mask, radius):
        reach = int(radius)
        padded, result = np.pad(mask, reach), np.zeros_like(mask)
        for down in range(-reach, reach + 1):
            for right in range(-reach, reach + 1):
                if np.hypot(down, right) <= radius:
                    result |= padded[reach + down :, reach + right :][: mask.shape[0], : mask.shape[1]]
        return result

    return np.where(~grown(alpha < 1, inside), 255, np.where(~grown(alpha > 0, outside), 0, 128))


def wrong_3_without_margins(alpha, inside, outside):
    """Only the mixed pixels are unknown."""
    return np.where(alpha == 1, 255, np.where(alpha == 0, 0, 128))


def wrong_3_exchanged(alpha, inside, outside):
    """``inside`` is for the foreground."""
    return solution_3(alpha, outside, inside)


# --- 06.4: before a screen -------------------------------------------------------------------------------------------


def solution_4(i, alpha, b):
    """Only alpha divides, and never by 0."""
    share = alpha[..., None]
    return np.where(share > 0, (i - (1 - share) * b) / np.maximum(share, 1e-12), 0)


def wrong_4_divided_by_zero(i, alpha, b):
    """Where alpha is 0, nothing of F is seen."""
    return (i - (1 - alpha[..., None]) * b) / alpha[..., None]


def wrong_4_photo(i, alpha, b):
    """The screen's color is still in it."""
    return i * (alpha[..., None] > 0)


# --- 06.5: two metrics, two winners ----------------------------------------------------------------------------------


def solution_5(truth):
    """Squares punish one large error more than many small ones: a little everywhere, or much at one pixel."""
    first = np.where(truth < 0.5, truth + 0.1, truth - 0.1)
    second = truth.copy()
    second[0, 0] = truth[0, 0] + 0.5 if truth[0, 0] < 0.5 else truth[0, 0] - 0.5
    return _compared(first, second, truth)


def wrong_5_exchanged(truth):
    """The first must have the lower MSE."""
    first = np.where(truth < 0.5, truth + 0.1, truth - 0.1)
    second = truth.copy()
    second[0, 0] = truth[0, 0] + 0.5 if truth[0, 0] < 0.5 else truth[0, 0] - 0.5
    return _compared(second, first, truth)


def wrong_5_both_better(truth):
    """The truth itself has the lower MSE, and the lower SAD as well."""
    return _compared(truth, np.zeros_like(truth), truth)


def _compared(first, second, truth):
    """What the notebook makes of two alphas before the check sees them."""
    first, second = first - truth, second - truth
    return [(first**2).mean() < (second**2).mean(), np.abs(first).sum() > np.abs(second).sum()]
