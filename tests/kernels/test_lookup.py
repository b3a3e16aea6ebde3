"""Looking levels up against NumPy's indexing."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from numpy_vitmatte.kernels.lookup import look_up

sides = st.integers(1, 6)


@given(rows=sides, width=sides, more=st.integers(0, 2), channels=sides, seed=st.integers(0, 2**32 - 1))
def test_every_channel_has_its_table(rows, width, more, channels, seed):
    """The last one is for the greys; what lies right of the picture is left alone."""
    generator = np.random.default_rng(seed)
    colours = generator.integers(0, 256, (rows, width, channels), dtype=np.uint8)
    greys = generator.integers(0, 256, (rows, width), dtype=np.uint8)
    tables = generator.standard_normal((channels + 1, 256)).astype(np.float32)
    out = np.full((rows, width + more, channels + 1), np.float32(-7.25e30))
    look_up(colours, greys, tables, out)
    for channel in range(channels):
        np.testing.assert_array_equal(out[:, :width, channel], tables[channel][colours[:, :, channel]])
    np.testing.assert_array_equal(out[:, :width, channels], tables[channels][greys])
    assert (out[:, width:] == np.float32(-7.25e30)).all()
