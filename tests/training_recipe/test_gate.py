"""The gate that new weights must pass, with methods instead of networks."""

import sys
from functools import partial

import numpy as np
import pytest

pytest.importorskip("scipy", reason="its pictures are blurred with scipy ([train] extra)")

from training import gate
from training.compose import Sample

pytestmark = pytest.mark.extras("scipy")


def a_set():
    """One picture, half of it foreground, all unknown."""
    alpha = np.zeros((32, 32), np.uint8)
    alpha[:, 16:] = 255
    return [Sample(np.zeros((32, 32, 3), np.uint8), alpha, np.full(alpha.shape, 128, np.uint8), "parts")]


def guess(model, image, trimap):
    """Off by `model[0]` where there is background, by `model[1]` where there is foreground."""
    answer = np.full(trimap.shape, float(model[0]))
    answer[:, 16:] = 1 - model[1]
    return answer


def passes(samples, allowed, predict, monkeypatch) -> bool:
    """Whether a network that answers as `predict("NEW", ...)` may replace one that answers as `predict("OLD", ...)`."""
    monkeypatch.setattr(gate, "tables", lambda material: [("parts", allowed, samples)])
    monkeypatch.setattr(gate, "build", str)
    monkeypatch.setattr(gate, "predict", predict)
    monkeypatch.setattr(gate, "set_num_threads", lambda count: None)
    monkeypatch.setattr(sys, "argv", ["gate", "material.zip", "OLD", "NEW"])
    with pytest.raises(SystemExit) as end:
        gate.main()
    return not end.value.code


@pytest.mark.parametrize(
    ("new", "allowed", "expected"),
    [
        ((0.1, 0.1), 1.0, True),  # better, as often too high as too low
        ((0.21, 0.21), 1.0, False),  # worse
        ((0.204, 0.204), 1.05, True),  # worse by less than is allowed
        ((0.0, 0.1), 1.0, False),  # better, and foreground is lost
        ((0.1, 0.0), 1.0, False),  # better, and background is gained
    ],
)
def test_the_verdict(new, allowed, expected, monkeypatch, capsys):
    wrong = {"OLD": (0.2, 0.2), "NEW": new}
    assert passes(a_set(), allowed, lambda name, *picture: guess(wrong[name], *picture), monkeypatch) is expected
    assert ("fails: parts" in capsys.readouterr().out) is not expected


def test_the_scatter_of_the_bias_is_printed(monkeypatch, capsys):
    """Two pictures with biases of 0.1 and -0.1 lie 0.1 from their mean: their mean is sure within 0.1 / sqrt(2)."""
    wrong = {"OLD": iter([(1, 1), (1, 1)]), "NEW": iter([(0.2, 0.0), (0.0, 0.2)])}
    assert passes(a_set() * 2, 1.0, lambda name, *picture: guess(next(wrong[name]), *picture), monkeypatch)
    assert "| +0.000 | +0.000 ± 0.071 | passes |" in capsys.readouterr().out


def test_every_set_is_asked(packed, monkeypatch):
    for name in ("validation_set", "set_of_kinds", "set_of_scenes"):
        monkeypatch.setattr(gate, name, partial(lambda name, *args: [name], name))
    names = [name for name, _, _ in gate.tables(packed)]
    scenes = ["parts", "mesh", "plush", "hair", "plant", "cords"]
    assert names == ["compose, 320 pixels", "compose, 640 pixels", "compose, 800 pixels", "rare kinds", *scenes]
