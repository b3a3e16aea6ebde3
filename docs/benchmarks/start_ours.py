"""Matte one photo: ``python start_ours.py FOLDER ALPHA.npy THREADS``, with the folder of ``materials.py``."""

import sys

import numpy as np

from numpy_vitmatte import matte, set_num_threads

folder, output, threads = sys.argv[1:]
set_num_threads(int(threads))
np.save(output, matte(f"{folder}/photo.png", f"{folder}/trimap.png", f"{folder}/checkpoint"))
