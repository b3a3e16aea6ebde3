"""What each exercise asks for, one file a notebook: specifications, and recipes for inputs."""

from numpy_vitmatte.teaching.exercises import from_photo_to_alpha, patches_and_positions
from numpy_vitmatte.teaching.verdict import Exercise

EXERCISES: dict[str, Exercise] = {**from_photo_to_alpha.EXERCISES, **patches_and_positions.EXERCISES}
"""Exercises by number: ``"01.2"`` is the second of notebook 01."""
