"""Learning with this package: pictures whose alpha is known, drawing, predictions, and exercises that check themselves.

Only ``show`` needs matplotlib, which it imports when it draws.
"""

from numpy_vitmatte.teaching.checks import check, report
from numpy_vitmatte.teaching.drawing import over_photo, principal_colors, show
from numpy_vitmatte.teaching.folders import write_pictures
from numpy_vitmatte.teaching.pictures import Toy, demo_photo, hairy_picture
from numpy_vitmatte.teaching.predictions import predict

__all__ = [
    "Toy",
    "check",
    "demo_photo",
    "hairy_picture",
    "over_photo",
    "predict",
    "principal_colors",
    "report",
    "show",
    "write_pictures",
]
