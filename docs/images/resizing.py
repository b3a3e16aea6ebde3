"""Draw ``resizing.svg``, centers of samples and two kernels: ``python docs/images/resizing.py``."""

from pathlib import Path

import numpy as np

from numpy_vitmatte import reference

WIDTH, HEIGHT = 760, 250
LINE, SAMPLES = (40, 330), (3, 5)
KERNELS = (430, 110, 72, 120)  # x of 0, y of 0, pixels per unit across and up
COLORS = {"linear": "#1673ff", "cubic, a = -0.5": "#8a8a8a", "cubic, a = -0.75": "#d95f02"}


def ruler() -> list[str]:
    """Two lines of equal length, cut into 3 and 5 samples; dots at the centers."""
    left, right = LINE
    places = reference.sample_positions(*SAMPLES)
    parts = []
    for count, y in zip(SAMPLES, (90, 160), strict=True):
        step = (right - left) / count
        parts.append(f'<line x1="{left}" y1="{y}" x2="{right}" y2="{y}" stroke="#777"/>')
        parts += [
            f'<line x1="{left + step * cut}" y1="{y - 9}" x2="{left + step * cut}" y2="{y + 9}" stroke="#777"/>'
            for cut in range(count + 1)
        ]
        parts += [f'<circle cx="{left + step * (each + 0.5)}" cy="{y}" r="4" fill="#1673ff"/>' for each in range(count)]
    for each in range(SAMPLES[0]):
        x = left + (right - left) / SAMPLES[0] * (each + 0.5)
        parts.append(f'<text x="{x}" y="76" text-anchor="middle">{each}</text>')
    for each, place in enumerate(places):
        x = left + (right - left) / SAMPLES[1] * (each + 0.5)
        parts.append(f'<line x1="{x}" y1="94" x2="{x}" y2="154" stroke="#aaa" stroke-dasharray="3 3"/>')
        parts.append(f'<text x="{x}" y="184" text-anchor="middle">{place:.1f}</text>')
    middle = (left + right) / 2
    parts.append(f'<text x="{middle}" y="36" text-anchor="middle" class="title">3 samples become 5</text>')
    parts.append(f'<text x="{middle}" y="212" text-anchor="middle" class="soft">places among the 3 samples</text>')
    return parts


def weights(name: str, count: int = 97) -> tuple[np.ndarray, np.ndarray]:
    """Weights of a sample by its distance from -2.2 to 2.2."""
    distance = np.linspace(-2.2, 2.2, count)
    d = np.abs(distance)
    if name == "linear":
        return distance, np.maximum(1 - d, 0)
    a = float(name.split()[-1])
    inner, outer = (a + 2) * d**3 - (a + 3) * d**2 + 1, a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
    return distance, np.where(d <= 1, inner, np.where(d < 2, outer, 0))


def kernels() -> list[str]:
    """The weight of a sample by its distance: linear, and Keys' kernel with two parameters."""
    left, zero, across, up = KERNELS
    middle = left + 2.2 * across
    x = np.arange(-2, 3)
    parts = [f'<line x1="{left}" y1="{zero + 60}" x2="{left + 4.4 * across}" y2="{zero + 60}" stroke="#777"/>']
    parts += [
        f'<text x="{middle + across * each}" y="{zero + 100}" text-anchor="middle">{each}</text>'
        f'<path d="M {middle + across * each} {zero + 56} v 8" stroke="#777"/>'
        for each in x
    ]
    for index, (name, color) in enumerate(COLORS.items()):
        distance, weight = weights(name)
        points = " ".join(
            f"{middle + across * place:.1f},{zero + 60 - up * value:.1f}"
            for place, value in zip(distance, weight, strict=True)
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
        y = 62 + 17 * index
        parts.append(f'<line x1="{left}" y1="{y}" x2="{left + 18}" y2="{y}" stroke="{color}" stroke-width="3"/>')
        parts.append(f'<text x="{left + 24}" y="{y + 4}">{name}</text>')
    parts.append(
        f'<text x="{middle}" y="36" text-anchor="middle" class="title">weight of a sample by its distance</text>'
    )
    return parts


def draw() -> str:
    """The whole picture."""
    style = "text { font: 13px sans-serif; fill: #222 } .title { font-weight: bold } .soft { fill: #555 }"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">'
        f'<style>{style}</style><rect width="100%" height="100%" fill="white"/>{"".join(ruler() + kernels())}</svg>\n'
    )


if __name__ == "__main__":
    (Path(__file__).parent / "resizing.svg").write_text(draw(), encoding="utf-8")
