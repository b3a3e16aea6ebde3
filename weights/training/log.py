"""The log of a run: a line on the terminal now and then, a CSV row per validation, and the plot of that CSV."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from .state import Run

COLUMNS = ("step", "samples", "hours", "crop", "loss_unknown", "loss_known", "loss_laplacian", "loss_gradient")
COLUMNS += ("loss_squared", "val_sad", "val_mse", "scenes_mse", "scenes_bias")


class Log:
    """Gathers the losses of each step; empties what it gathered into the CSV at each validation."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.gathered: list[dict[str, float]] = []

    def add(self, parts: dict[str, float]) -> None:
        """Remember one step's losses."""
        self.gathered.append(parts)

    def mean(self, last: int | None = None) -> dict[str, float]:
        """Mean of the gathered losses, or of the last few."""
        rows = self.gathered[-last:] if last else self.gathered
        return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}

    def say(self, run: Run, rate: float) -> None:
        """Two lines on the terminal: losses, and the bias of each kind and side."""
        parts = " ".join(f"{name} {value:.4f}" for name, value in self.mean(200).items())
        print(f"{run.step} {run.seconds:.0f}s {rate:.2f}/s lr {run.optimizer.lr:.1e} {parts}", flush=True)
        print("bias", *(f"{table} {mean:+.3f}" for table, mean in sorted(run.biases.means.items())), flush=True)

    def write(self, run: Run, crop: list[int], scores: dict[str, float]) -> None:
        """One row of the CSV."""
        losses = {f"loss_{name}": value for name, value in self.mean().items()}
        seen = {"step": run.step, "samples": run.samples, "hours": run.seconds / 3600}
        row = {**seen, "crop": " ".join(map(str, crop)), **losses, **scores}
        new = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            if new:
                writer.writeheader()
            writer.writerow({k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()})
        self.gathered.clear()
        print("validation", scores, flush=True)


def plot(log: Path, picture: Path) -> None:
    """Loss and the MSEs of both kinds of pictures against samples seen; a grey line where the crops' size changes."""
    if not log.exists():
        return
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    with log.open() as file:
        rows = list(csv.DictReader(file))
    samples = [int(row["samples"]) / 1000 for row in rows]
    changes = [
        at for at, row, before in zip(samples[1:], rows[1:], rows, strict=False) if row["crop"] != before["crop"]
    ]
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.5), layout="constrained")
    for axis, name in zip(axes, ("loss_unknown", "val_mse", "scenes_mse"), strict=True):
        for change in changes:
            axis.axvline(change, color="0.85")
        axis.plot(samples, [float(row[name]) for row in rows], ".-")
        axis.set(xlabel="thousand samples", title=name)
        axis.set_ylim(bottom=0)
    figure.savefig(picture, dpi=100)
    plt.close(figure)
