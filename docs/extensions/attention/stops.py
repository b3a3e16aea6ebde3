"""The places of the guided tour: three that lie in the photo, and what is measured there for the words to name.

The words stand in docs/static/attention-guide.js. They name no number of their own, so other weights need no others.
"""

from typing import Any

from numpy.typing import NDArray

from attention.scene import Scene, silenced

Token = tuple[int, int]

HAIR: Token = (5, 13)
"""Hair before the wall, right of the head."""

EDGE: Token = (4, 7)
"""Hair left of the head, in the last column of a window: what is right of it lies in the next one."""

INSIDE: Token = (17, 7)
"""Cloth, far from every border of the subject."""


def stops(scene: Scene) -> dict[str, Any]:
    """Measure what the tour speaks of.

    Returns
    -------
    dict
        ``hair``, ``edge``, ``inside`` and ``popular`` are tokens, ``band`` a head of the last global block, ``asked`` a
        (block, head), ``globals`` the global blocks, ``silenced`` the mean change of an unknown alpha per block.
    """
    config = scene.model.config.backbone_config
    blocks = range(config.num_hidden_layers)
    everywhere = [block for block in blocks if block not in config.window_block_indices]
    popular, asked = _popular(scene, everywhere)
    return {
        "hair": HAIR,
        "edge": EDGE,
        "inside": INSIDE,
        "popular": popular,
        "asked": asked,
        "band": _head_of_the_band(scene, everywhere[-1]),
        "globals": everywhere,
        "silenced": [silenced(scene, block) for block in blocks],
    }


def _popular(scene: Scene, blocks: list[int]) -> tuple[Token, tuple[int, int]]:
    """Find the token that gets the most attention from all tokens, and the global block and head that give it."""
    columns = scene.by_token(scene.trimap).shape[1]
    best = (0.0, (0, 0), (0, 0))
    for block in blocks:
        received: NDArray = scene.attentions[block][0].sum(axis=1)  # [heads, N]
        head, token = divmod(int(received.argmax()), received.shape[1])
        best = max(best, (float(received.max()), divmod(token, columns), (block, head)))
    return best[1:]


def _head_of_the_band(scene: Scene, block: int) -> int:
    """Find the head of a global block that gives the unknown tokens the largest share, from the hair."""
    unknown = scene.by_token(scene.trimap == 128).any(axis=-1)
    row = scene.attentions[block][0, :, HAIR[0] * unknown.shape[1] + HAIR[1]]  # [heads, N]
    return int((row * unknown.reshape(-1)).sum(axis=-1).argmax())
