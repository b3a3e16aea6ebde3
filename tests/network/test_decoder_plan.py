"""What the decoder will compute, and what it leaves out."""

import numpy as np

from numpy_vitmatte.network.decoder_plan import Pyramid, Shares, plan_decoder, shares, stored_floats, tokens_of


def test_pyramid():
    """Block 0 doubles the tokens and joins the smallest detail map; the last joins D0, the image."""
    pyramid = Pyramid(640, 960, 4)
    assert [pyramid.shape(block) for block in (-1, 0, 3)] == [(40, 60), (80, 120), (640, 960)]
    assert [pyramid.detail_of(block) for block in range(4)] == [3, 2, 1, 0]
    assert [pyramid.shape_of_detail(number) for number in range(4)] == [(640, 960), (320, 480), (160, 240), (80, 120)]


def test_nothing_is_computed_twice_or_missing():
    """Tiles of all bands cover the alpha, each pixel once; every band reads tokens, and all of them are read."""
    pyramid = Pyramid(320, 480, 4)
    bands = plan_decoder(pyramid, band_rows=100)
    times = np.zeros((320, 480), int)
    for band in bands:
        for top, left, bottom, right in band.tiles:
            times[top:bottom, left:right] += 1
    assert len(bands) == 3
    assert (times == 1).all()
    assert tokens_of(bands, pyramid).all()


def test_stored_floats_of_one_band():
    """With no pixel of D2 and D3 left out, and their halos, and two fusion blocks' results without."""
    (band,) = plan_decoder(Pyramid(64, 128, 4))
    expected = (16 + 2) * (32 + 2) * 5 + (8 + 2) * (16 + 2) * 7 + 8 * 16 * 3 + 16 * 32 * 2
    assert expected <= stored_floats(band, (1, 5, 7), (3, 2, 1, 1)) <= expected + 4 * 16


def test_shares():
    """All, and nothing."""
    assert shares(np.ones((64, 64), bool), 4) == Shares(1, 1)
    assert shares(np.zeros((64, 64), bool), 4) == Shares(0, 0)


def test_what_is_far_from_a_wanted_pixel_is_left_out():
    """One wanted corner: its tiles alone, and a part of the tokens; nothing wanted: nothing at all."""
    wanted = np.zeros((320, 320), bool)
    wanted[:5, :5] = True
    (band,) = plan_decoder(Pyramid(320, 320, 4), wanted)
    assert band.tiles == [(0, 0, 8, 8)]
    assert 0 < tokens_of([band], Pyramid(320, 320, 4)).sum() <= 25
    assert plan_decoder(Pyramid(320, 320, 4), np.zeros((320, 320), bool)) == []
