"""The Numba hot loops. They know arrays and nothing of ViTMatte."""
