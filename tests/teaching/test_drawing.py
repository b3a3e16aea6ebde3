"""What the notebooks draw: frames stand where the token is, colors mean the same in every picture."""

import numpy as np
import pytest

from numpy_vitmatte.teaching import over_photo, predict, principal_colors, show


def test_frames_stand_around_the_token_and_its_window():
    photo = np.full((64, 96, 3), 100, np.uint8)
    picture = over_photo(photo, np.zeros((4, 6)), (2, 5), window=2, patch=16)
    assert (picture[32, 80:96] == (0, 255, 255)).all()  # the token's upper edge
    assert (picture[36:44, 84:92] == 60).all()  # inside, the darkened photo
    assert (picture[32, 64:80] == 255).all()  # the upper edge of its window
    assert (picture[:32] == 60).all()


def test_the_brightest_token_is_orange():
    heat = np.zeros((4, 4))
    heat[:2, :2] = 7
    picture = over_photo(np.zeros((64, 64, 3), np.uint8), heat, (3, 3))
    assert tuple(picture[8, 8]) == (255, 170, 0)
    assert not picture[40:, :16].any()


def test_equal_tokens_have_equal_colors_in_every_state():
    """One fit for all states: a token that does not change keeps its color."""
    generator = np.random.default_rng(0)
    first, second = generator.standard_normal((2, 5, 7, 6))
    second[0, 0] = first[0, 0]
    one, other = principal_colors(first, second)
    assert one.shape == (5, 7, 3)
    assert one.min() >= 0
    assert one.max() <= 1
    np.testing.assert_allclose(one[0, 0], other[0, 0], rtol=0, atol=1e-12)


def test_a_prediction_hides_its_answer():
    hidden = predict("Is 1 < 2?", (3, 4))
    assert hidden._repr_html_() == "<details><summary>Is 1 &lt; 2?</summary><code>(3, 4)</code></details>"


@pytest.mark.extras("matplotlib")
def test_percentiles_stretch_gray_pictures(monkeypatch):
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    monkeypatch.setattr(plt, "show", lambda: None)
    ramp = np.arange(101.0).reshape(1, -1)
    show(ramp, np.zeros((4, 4, 3)), titles=("ramp",), percentiles=(1, 99))
    axes = plt.gcf().axes
    assert axes[0].images[0].get_clim() == (1, 99)
    assert axes[0].get_title() == "ramp"
    plt.close("all")
