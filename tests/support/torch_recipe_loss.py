"""The loss of the recipe that trains vitmatte-tiny, written down a second time, in PyTorch."""

WEIGHTS = {"unknown": 0.5, "known": 0.25, "laplacian": 0.5, "gradient": 0.5, "squared": 8.0}


def recipe_loss_parts(predicted, alpha, unknown):
    """Compute the parts of the loss before they are weighted; predicted, alpha and unknown are tensors (B, 1, H, W)."""
    import torch
    from torch.nn import functional as F

    error, merged = (predicted - alpha).abs(), torch.where(unknown, predicted, alpha)
    taps = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0], dtype=predicted.dtype) / 16
    difference, laplacian = merged - alpha, 0
    for level in range(4):
        half = F.conv2d(F.pad(difference, (2, 2, 2, 2), mode="reflect"), (taps[:, None] * taps)[None, None], stride=2)
        doubled = F.interpolate(half, size=difference.shape[-2:], mode="bilinear", align_corners=False)
        laplacian = laplacian + 2**level * (difference - doubled).abs().mean()
        difference = half
    slopes = 0
    for axis in (-1, -2):
        slope, goal = merged.diff(dim=axis), alpha.diff(dim=axis)
        slopes = slopes + (slope - goal).abs().mean() + 0.01 * (slope.abs() - goal.abs()).clamp(min=0).mean()
    return {
        "unknown": (error * unknown).sum() / (unknown.sum() + 1),
        "known": (error * ~unknown).sum() / ((~unknown).sum() + 1),
        "laplacian": laplacian,
        "gradient": slopes,
        "squared": ((predicted - alpha) ** 2 * unknown).sum() / (unknown.sum() + 1),
    }
