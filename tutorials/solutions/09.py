"""Solutions of notebook 09. Try first: the check in the notebook says where an answer goes wrong.

Names begin with the exercise: ``solution_1``, and ``wrong_1_...`` for mistakes that people make.
"""

import math

import numpy as np

FIRST, SECOND = 0.9, 0.99

# --- 09.1: a loss and its gradient -----------------------------------------------------------------------------------


def solution_1(predicted, truth, region):
    """The slope of an absolute value is a sign; the mean divides it by the number of pixels."""
    error = predicted - truth
    return np.abs(error[region]).mean(), np.sign(error) * region / region.sum()


def wrong_1_everywhere(predicted, truth, region):
    """Pixels outside the region have no gradient."""
    error = predicted - truth
    return np.abs(error[region]).mean(), np.sign(error) / region.sum()


def wrong_1_undivided(predicted, truth, region):
    """That is the gradient of a sum, not of a mean."""
    error = predicted - truth
    return np.abs(error[region]).mean(), np.sign(error) * region


# --- 09.2: AdamW -----------------------------------------------------------------------------------------------------


def solution_2(w, gradient, mean, square, step, rate, decay):
    """The averages that are returned are the biased ones."""
    mean = FIRST * mean + (1 - FIRST) * gradient
    square = SECOND * square + (1 - SECOND) * gradient**2
    move = (mean / (1 - FIRST**step)) / np.sqrt(square / (1 - SECOND**step))
    return w * (1 - rate * decay) - rate * move, mean, square


def wrong_2_biased(w, gradient, mean, square, step, rate, decay):
    """The averages began at zero, so early ones are too small."""
    mean = FIRST * mean + (1 - FIRST) * gradient
    square = SECOND * square + (1 - SECOND) * gradient**2
    return w * (1 - rate * decay) - rate * mean / np.sqrt(square), mean, square


def wrong_2_decay_in_the_gradient(w, gradient, mean, square, step, rate, decay):
    """That was Adam with an L2 penalty; the W stands for decay outside of it."""
    return solution_2(w, gradient + decay * w, mean, square, step, rate, 0)


# --- 09.3: the schedule ----------------------------------------------------------------------------------------------


def solution_3(step, steps, warmup):
    """The warm-up and the cosine are multiplied."""
    return min(1, (step + 1) / warmup) * (1 + math.cos(math.pi * step / steps)) / 2


def wrong_3_without_warmup(step, steps, warmup):
    """The first steps are too long."""
    return (1 + math.cos(math.pi * step / steps)) / 2


def wrong_3_cosine_after_warmup(step, steps, warmup):
    """That is another schedule: its cosine begins when the warm-up ends."""
    if step < warmup:
        return (step + 1) / warmup
    return (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2


# --- 09.4: statistics of a batch -------------------------------------------------------------------------------------


def solution_4(x):
    """All axes but the channels."""
    mean = x.mean(axis=(0, 1, 2))
    return mean, ((x - mean) ** 2).mean(axis=(0, 1, 2))


def wrong_4_per_picture(x):
    """Each picture for itself: that is an instance norm."""
    return x.mean(axis=(1, 2)), x.var(axis=(1, 2))


def wrong_4_mean_of_variances(x):
    """The pictures' means differ as well, and that counts."""
    return x.mean(axis=(0, 1, 2)), x.var(axis=(1, 2)).mean(axis=0)


# --- 09.5: a planted mistake -----------------------------------------------------------------------------------------


def solution_5(gradients, slopes):
    """Errors count as a share of the layer's largest slope."""
    return np.argmax(np.abs(gradients - slopes).max(axis=1) / np.abs(slopes).max(axis=1))


def wrong_5_largest_difference(gradients, slopes):
    """A layer with large gradients has large rounding."""
    return np.argmax(np.abs(gradients - slopes).max(axis=1))


def wrong_5_largest_gradient(gradients, slopes):
    """Large is not wrong."""
    return np.argmax(np.abs(gradients).max(axis=1))
