"""Draw ``network.svg``: ``python docs/images/network.py``."""

from pathlib import Path

BOX, GAP, LEFT, RIGHT, TOP = (230, 44), 26, 40, 430, 60
TRANSFORMER = [
    ("patch embedding + positions", "40 x 60 x 384"),
    ("blocks 0 1: window attention, MLP", "40 x 60 x 384"),
    ("block 2: global attention, MLP, neck", "40 x 60 x 384"),
    ("blocks 3 to 10, in the same order", "40 x 60 x 384"),
    ("block 11: global attention, MLP, neck", "40 x 60 x 384"),
    ("fusion block 0", "80 x 120 x 256"),
    ("fusion block 1", "160 x 240 x 128"),
    ("fusion block 2", "320 x 480 x 64"),
    ("fusion block 3", "640 x 960 x 32"),
    ("matting head", "640 x 960: alpha"),
]
DETAILS = [
    (5, "ConvStream: D3, 1/8", "80 x 120 x 192"),
    (6, "ConvStream: D2, 1/4", "160 x 240 x 96"),
    (7, "ConvStream: D1, 1/2", "320 x 480 x 48"),
    (8, "photo and trimap: D0", "640 x 960 x 4"),
]
COLORS = {"b": "#dbe7f6", "f": "#fbe7c8", "m": "#d9efd9", "C": "#f3dce6", "p": "#eeeeee"}


INSIDE = [  # a transformer block: name, and whether the sum after it takes the block's or the first sum's input
    ("layer norm", "40 x 60 x 384", False),
    ("attention, 6 heads: in windows, or global", "40 x 60 x 384", True),
    ("layer norm", "40 x 60 x 384", False),
    ("MLP with GELU, 1536 wide", "40 x 60 x 384", True),
    ("neck (global blocks): 1x1, 3x3, 1x1 conv", "192 wide, 40 x 60 x 384", True),
]


def row(index: int) -> int:
    """Top of the box in row `index`."""
    return TOP + index * (BOX[1] + GAP)


def box(x: int, y: int, name: str, shape: str, color: str) -> str:
    """A box with a name and a shape."""
    middle = x + BOX[0] / 2
    return (
        f'<rect x="{x}" y="{y}" width="{BOX[0]}" height="{BOX[1]}" rx="6" fill="{color}" stroke="#555"/>'
        f'<text x="{middle}" y="{y + 19}" text-anchor="middle">{name}</text>'
        f'<text x="{middle}" y="{y + 35}" text-anchor="middle" fill="#555">{shape}</text>'
    )


def arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    """An arrow between two points."""
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#333" marker-end="url(#head)"/>'


def inside_a_block() -> list[str]:
    """The parts of a transformer block, in a frame beside the blocks."""
    middle, step, height = RIGHT + BOX[0] / 2, 62, 34
    top, bottom = 22, 22 + 5 * 62 + 20
    parts = [
        f'<rect x="{RIGHT - 20}" y="4" width="{BOX[0] + 60}" height="{bottom - 4}" rx="8" fill="none" stroke="#888" '
        'stroke-dasharray="5 4"/>',
        f'<text x="{RIGHT - 10}" y="18" fill="#555">inside a block</text>',
        f'<line x1="{LEFT + BOX[0]}" y1="{row(1) + 22}" x2="{RIGHT - 20}" y2="{row(1) + 22}" stroke="#888" '
        'stroke-dasharray="5 4"/>',
    ]
    start = top + 6
    for index, (name, shape, added) in enumerate(INSIDE):
        y = top + 16 + index * step
        parts.append(arrow(middle, y - (12 if index else 10), middle, y))
        parts.append(
            f'<rect x="{RIGHT}" y="{y}" width="{BOX[0]}" height="{height}" rx="6" fill="#f4f7fc" stroke="#555"/>'
            f'<text x="{middle}" y="{y + 15}" text-anchor="middle" font-size="11">{name}</text>'
            f'<text x="{middle}" y="{y + 28}" text-anchor="middle" font-size="11" fill="#555">{shape}</text>'
        )
        after = y + height + 8
        parts.append(f'<line x1="{middle}" y1="{y + height}" x2="{middle}" y2="{y + step - 12}" stroke="#333"/>')
        if added:
            side = RIGHT + BOX[0] + 18
            parts.append(
                f'<path d="M{middle},{start} H{side} V{after} H{middle + 7}" fill="none" stroke="#333" '
                'marker-end="url(#head)"/>'
                f'<circle cx="{middle}" cy="{after}" r="7" fill="white" stroke="#333"/>'
                f'<text x="{middle}" y="{after + 4}" text-anchor="middle">+</text>'
            )
            start = after + 11
    parts.append(f'<line x1="{middle}" y1="4" x2="{middle}" y2="{top + 6}" stroke="#333"/>')
    parts.append(arrow(middle, bottom - 17, middle, bottom))
    return parts


def draw() -> str:
    """The whole picture."""
    height = row(len(TRANSFORMER)) + 4
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 710 {height}" width="710" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        '<defs><marker id="head" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#333"/></marker></defs>',
        f'<rect width="710" height="{height}" fill="white"/>',
        box(LEFT, 4, "photo and trimap", "640 x 960 x 4", COLORS["p"]),
        arrow(LEFT + BOX[0] / 2, 4 + BOX[1], LEFT + BOX[0] / 2, TOP),
    ]
    for index, (name, shape) in enumerate(TRANSFORMER):
        color = COLORS["b" if name.startswith("patch") else name[0]]
        parts.append(box(LEFT, row(index), name, shape, color))
        if index:
            parts.append(arrow(LEFT + BOX[0] / 2, row(index) - GAP, LEFT + BOX[0] / 2, row(index)))
    parts += inside_a_block()
    for index, name, shape in DETAILS:
        parts.append(box(RIGHT, row(index), name, shape, COLORS[name[0]]))
        parts.append(arrow(RIGHT, row(index) + BOX[1] / 2, LEFT + BOX[0], row(index) + BOX[1] / 2))
        if index < DETAILS[-1][0]:
            parts.append(arrow(RIGHT + BOX[0] / 2, row(index + 1), RIGHT + BOX[0] / 2, row(index) + BOX[1]))
    parts.append(f'<text x="{RIGHT}" y="{row(5) - 14}" fill="#555">convolutions of stride 2, upwards</text></svg>')
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    (Path(__file__).parent / "network.svg").write_text(draw())
