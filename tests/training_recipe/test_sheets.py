"""Contact sheets: one line for each sample and each scene."""

import sys

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("scipy", reason="its pictures are blurred with scipy ([train] extra)")

from training import sheets
from training.scenes import SCENES

pytestmark = pytest.mark.extras("scipy")


def test_a_sheet_has_a_line_for_each_sample_and_scene(packed, tmp_path, monkeypatch):
    monkeypatch.setattr(sheets, "build", lambda folder: None)
    monkeypatch.setattr(sheets, "predict", lambda model, image, trimap: trimap / 255)
    options = ["--material", str(packed), "--count", "2", "--per-scene", "1", "--size", "64"]
    monkeypatch.setattr(sys, "argv", ["sheets", "weights", str(tmp_path / "sheet.png"), *options])
    sheets.main()
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    panels = 6  # photo, trimap, alpha, truth, and the cut-out on two colours
    assert sheet.shape == ((2 + len(SCENES)) * 64, panels * 64, 3)
