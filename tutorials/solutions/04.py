"""Solutions of notebook 04. Try first: the check in the notebook says where an answer goes wrong.

Names begin with the exercise: ``solution_1``, and ``wrong_1_...`` for mistakes that people make.
"""

import math

import numpy as np

# --- 04.1: layer norm ------------------------------------------------------------------------------------------------


def solution_1(x, weight, bias, epsilon):
    """The variance is the mean of squares, without a minus one."""
    mean = x.mean(axis=-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon) * weight + bias


def wrong_1_over_everything(x, weight, bias, epsilon):
    """Each token has a mean of its own."""
    return (x - x.mean()) / np.sqrt(x.var() + epsilon) * weight + bias


def wrong_1_epsilon_outside(x, weight, bias, epsilon):
    """Epsilon belongs under the root."""
    mean, deviation = x.mean(axis=-1, keepdims=True), x.std(axis=-1, keepdims=True)
    return (x - mean) / (deviation + epsilon) * weight + bias


# --- 04.2: FLOP ------------------------------------------------------------------------------------------------------


def solution_2(rows, columns, channels, window):
    """The norm and the MLP see the grid; projections, scores and averages see the filled windows."""
    tokens = rows * columns
    filled, keys = tokens, tokens
    if window:
        filled = math.ceil(rows / window) * math.ceil(columns / window) * window**2
        keys = window**2
    return 2 * (4 * filled * channels**2 + 2 * filled * keys * channels + 8 * tokens * channels**2)


def wrong_2_multiplications(rows, columns, channels, window):
    """A multiplication and an addition are two operations."""
    return solution_2(rows, columns, channels, window) // 2


def wrong_2_without_zero_tokens(rows, columns, channels, window):
    """Zero tokens are computed like all others."""
    tokens = rows * columns
    keys = window**2 if window else tokens + 1
    return 2 * (12 * tokens * channels**2 + 2 * tokens * keys * channels)


# --- 04.3: merge -----------------------------------------------------------------------------------------------------


def solution_3(m1, s1, a1, m2, s2, a2):
    """Only differences of scores reach ``exp``."""
    largest = np.maximum(m1, m2)
    first, second = s1 * np.exp(m1 - largest), s2 * np.exp(m2 - largest)
    return (first[:, None] * a1 + second[:, None] * a2) / (first + second)[:, None]


def wrong_3_overflows(m1, s1, a1, m2, s2, a2):
    """The exponential of 800 is infinite in float64."""
    first, second = s1 * np.exp(m1), s2 * np.exp(m2)
    return (first[:, None] * a1 + second[:, None] * a2) / (first + second)[:, None]


def wrong_3_forgets_the_largest(m1, s1, a1, m2, s2, a2):
    """The sums are measured from different scores."""
    return (s1[:, None] * a1 + s2[:, None] * a2) / (s1 + s2)[:, None]


# --- 04.4: equal cost ------------------------------------------------------------------------------------------------


def solution_4(channels):
    """From 2 N N C = (4 + 8) N C C follows N = 6 C."""
    return 6 * channels


def wrong_4_without_the_mlp(channels):
    """That is where scores cost as much as the projections alone."""
    return 2 * channels


def wrong_4_scores_alone(channels):
    """Averages cost as much as scores."""
    return 12 * channels


# --- 04.5: the neck --------------------------------------------------------------------------------------------------


def solution_5(channels):
    """The inner convolution has 9 taps, at half the channels on both sides."""
    inside = channels // 2
    convolutions = channels * inside + 9 * inside * inside + inside * channels
    norms = 2 * inside + 2 * inside + 2 * channels
    return convolutions + norms


def wrong_5_full_width(channels):
    """A bottleneck is narrow inside."""
    return 11 * channels**2 + 6 * channels


def wrong_5_without_norms(channels):
    """Norms have parameters as well, few as they are."""
    inside = channels // 2
    return 2 * channels * inside + 9 * inside * inside
