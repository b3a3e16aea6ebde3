"""Matte one photo with torch and transformers: ``python start_torch.py FOLDER ALPHA.npy THREADS``."""

import sys

import numpy as np
import torch
from PIL import Image
from tasks import known_pixels_set
from transformers import VitMatteForImageMatting
from transformers.models.vitmatte.image_processing_pil_vitmatte import VitMatteImageProcessorPil

folder, output, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
photo, trimap = Image.open(f"{folder}/photo.png"), Image.open(f"{folder}/trimap.png")
processor = VitMatteImageProcessorPil.from_pretrained(f"{folder}/checkpoint")
model = VitMatteForImageMatting.from_pretrained(f"{folder}/checkpoint").eval()
with torch.inference_mode():
    alphas = model(**processor(images=photo, trimaps=trimap, return_tensors="pt")).alphas.numpy()
np.save(output, known_pixels_set(alphas, np.asarray(trimap)))
