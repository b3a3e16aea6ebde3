"""A layer norm and two products with GELU in between, some rows at a time; values in between never leave the cache.

They follow attention in a transformer block, and add to what they read.
"""

from numpy_vitmatte.kernels.elementwise import add, gelu, normalize
from numpy_vitmatte.kernels.integers import lesser
from numpy_vitmatte.kernels.matmul import Rows, Segments, rows_at_a_time, sweep
from numpy_vitmatte.kernels.views import view
from numpy_vitmatte.runtime.jit import EXACT_ORDER, ONE, ZERO, kernel
from numpy_vitmatte.runtime.workspace import aligned_scratch


@kernel(EXACT_ORDER, allocates=True)
def add_residual_mlp(x, attended, mlp):
    """Overwrite ``attended`` with ``y + fc2(gelu(fc1(norm(y))))``, where ``y = x + attended``.

    Parameters
    ----------
    x, attended : float32 arrays (rows, C)
        Tokens before attention, and the result of attention.
    mlp : NormAndMlp
    """
    (rows, channels), (norm, fc1, fc2) = x.shape, mlp
    at_once = lesser(rows_at_a_time(rows), rows)
    normalized, hidden = aligned_scratch(at_once * channels), aligned_scratch(at_once * fc1.columns)
    for start in range(0, rows, at_once):
        end = lesser(start + at_once, rows)
        count = end - start
        own, size = view(attended, start * channels, (count * channels,)), count * channels
        add(own, view(x, start * channels, (size,)))
        narrow = view(normalized, ZERO, (size,))
        normalize(
            view(own, ZERO, (count, channels)),
            norm.weight,
            norm.bias,
            norm.epsilon,
            view(narrow, ZERO, (count, channels)),
        )
        wide = view(hidden, ZERO, (count * fc1.columns,))
        sweep(Rows(narrow, ZERO, channels), count, Segments(ONE, ZERO, channels), fc1,
              Rows(wide, ZERO, fc1.columns))  # fmt: skip
        gelu(wide)
        sweep(Rows(wide, ZERO, fc2.depth), count, Segments(ONE, ZERO, fc2.depth), fc2,
              Rows(narrow, ZERO, channels))  # fmt: skip
        add(own, narrow)
