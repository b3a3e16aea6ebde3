"""The exercises, one file a notebook: each has a specification, and recipes for its inputs."""

from numpy_vitmatte.teaching.exercises import (
    attention_offsets_windows,
    backwards,
    detail_capture,
    fewer_bits,
    from_photo_to_alpha,
    hybrid_backbone,
    looking,
    matting_and_metrics,
    patches_and_positions,
    training_a_net,
)
from numpy_vitmatte.teaching.verdict import Exercise

_NOTEBOOKS = (
    from_photo_to_alpha,
    patches_and_positions,
    attention_offsets_windows,
    hybrid_backbone,
    detail_capture,
    matting_and_metrics,
    looking,
    backwards,
    training_a_net,
    fewer_bits,
)

EXERCISES: dict[str, Exercise] = {
    number: exercise for notebook in _NOTEBOOKS for number, exercise in notebook.EXERCISES.items()
}
"""Exercises by number: ``"01.2"`` is the second of notebook 01."""
