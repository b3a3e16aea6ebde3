"""Looking levels up against NumPy's indexing."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte.kernels.lookup_table import apply_lookup_tables, set_known_alpha

sides = st.integers(1, 6)


@given(rows=sides, width=sides, more=st.integers(0, 2), seed=st.integers(0, 2**32 - 1))
def test_every_channel_has_its_table(rows, width, more, seed):
    """The last one is for the grays; what lies right of the picture is left alone."""
    generator = np.random.default_rng(seed)
    colors = generator.integers(0, 256, (rows, width, 3), dtype=np.uint8)
    grays = generator.integers(0, 256, (rows, width), dtype=np.uint8)
    tables = generator.standard_normal((4, 256)).astype(np.float32)
    out = np.full((rows, width + more, 4), np.float32(-7.25e30))
    apply_lookup_tables(colors, grays, tables, out)
    for channel in range(3):
        np.testing.assert_array_equal(out[:, :width, channel], tables[channel][colors[:, :, channel]])
    np.testing.assert_array_equal(out[:, :width, 3], tables[3][grays])
    assert (out[:, width:] == np.float32(-7.25e30)).all()


@given(rows=sides, width=st.integers(1, 40), seed=st.integers(0, 2**32 - 1))
def test_all_but_one_level_become_zero_or_one(rows, width, seed):
    """NaN is kept where it is to be kept, and goes where not."""
    generator = np.random.default_rng(seed)
    levels = generator.choice(np.array([0, 128, 255], np.uint8), (rows, width))
    out = generator.choice(np.array([0.25, -0.0, np.nan], np.float32), (rows, width))
    expected = np.where(levels == 128, out, np.float32(levels == 255))
    set_known_alpha(levels, 128, 255, out)
    np.testing.assert_array_equal(out, expected)
