"""``picture``: bars of time and memory per size, for each kind of processor, from the records of ``forward``."""

import argparse
import sys
from collections.abc import Callable

from competitors import COMPETITORS
from records import load, processor

NAMES = (*COMPETITORS, "openvino-default")
"""Everybody in float32, and what people run who install OpenVINO and set nothing."""
COLORS = ("#c8553d", "#1f5f8b", "#5b8e3e", "#8a6fa8", "#b5b5b5", "#7fb2d6")


def run(arguments: argparse.Namespace) -> bool:
    """Draw the times and the memory of each kind of processor, with the most threads that were measured there."""
    records = load(arguments.results)
    if not records:
        print(f"{arguments.results} holds no records; measure first: python docs/benchmarks forward", file=sys.stderr)
        return False

    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "numpy-vitmatte"  # the same records give the same file
    import matplotlib.pyplot as plt
    from matplotlib.patches import Patch

    panels = _panels(records)
    figure, axes = plt.subplots(len(panels), 1, figsize=(8, 2.6 * len(panels)), layout="constrained", squeeze=False)
    for axis, (title, rows, value, label) in zip(axes[:, 0], panels, strict=True):
        axis.set_title(title, fontsize=10)
        _bars(axis, rows, value, label)
        if value is _gigabytes:
            axis.set_yscale("log")
            axis.set_ylim(bottom=0.1)
            axis.yaxis.set_major_formatter("{x:g}")
            axis.yaxis.set_minor_formatter("")  # a short axis would be labeled at every line
    handles = [Patch(color=color, label=name) for name, color in zip(NAMES, COLORS, strict=True)]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(NAMES), fontsize=8, frameon=False)
    figure.savefig(arguments.output, metadata={"Date": None})
    return True


def _panels(records: list[dict]) -> list[tuple[str, list[dict], Callable[[dict], float], str]]:
    """Title, records, height of a bar and how it is written, for each panel."""
    panels: list[tuple[str, list[dict], Callable[[dict], float], str]] = []
    for kind in dict.fromkeys(map(processor, records)):
        threads = max(record["threads"] for record in records if processor(record) == kind)
        rows = [record for record in records if (processor(record), record["threads"]) == (kind, threads)]
        where = f"{kind}, {threads} thread{'s' if threads > 1 else ''}"
        panels.append((f"{where}: time (numpy-vitmatte = 1)", rows, _times, "{:.1f}"))
        panels.append((f"{where}: peak resident memory of the process (GB)", rows, _gigabytes, "{:.2g}"))
    return panels


def _times(result: dict) -> float:
    return 1 / result["ratio"]


def _gigabytes(result: dict) -> float:
    return result["peak_megabytes"] / 1000


def _bars(panel, records: list[dict], value: Callable[[dict], float], label: str) -> None:
    """A group of bars for each size; a cross where a competitor failed."""
    records = sorted(records, key=lambda record: record["height"] * record["width"])
    width = 0.8 / len(NAMES)
    for place, name in enumerate(NAMES):
        for group, record in enumerate(records):
            result = record["results"].get(name)
            if result is None:
                continue
            x = group + (place - (len(NAMES) - 1) / 2) * width
            if "failed" in result:
                panel.text(x, 0, "×", transform=panel.get_xaxis_transform(), ha="center", va="bottom")
                continue
            height = value(result)
            panel.bar(x, height, 0.92 * width, color=COLORS[place])
            panel.annotate(label.format(height), (x, height), ha="center", va="bottom", fontsize=7)
    panel.set_xticks(range(len(records)), [f"{record['height']} x {record['width']}" for record in records])
    panel.margins(y=0.25)
    panel.spines[["top", "right"]].set_visible(False)
