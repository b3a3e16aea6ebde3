"""A photo and a trimap whose every third matters: small, of odd size, all three kinds of pixels in it."""

import numpy as np

PHOTO = np.random.default_rng(11).integers(0, 256, (50, 71, 3), dtype=np.uint8)
TRIMAP = np.repeat(np.array([0, 128, 255], np.uint8), [20, 31, 20])[None].repeat(50, axis=0)
KNOWN = TRIMAP != 128
