"""``picture``: bars of time and memory per size, from the records of ``forward``."""

import argparse
import sys

from competitors import COMPETITORS
from records import load, processor

COLORS = ("#c8553d", "#1f5f8b", "#5b8e3e", "#8a6fa8", "#b5b5b5")


def run(arguments: argparse.Namespace) -> bool:
    """Draw a panel of times for each number of threads, and one of memory."""
    records = load(arguments.results)
    if not records:
        print(f"{arguments.results} holds no records; measure first: python docs/benchmarks forward", file=sys.stderr)
        return False

    records = [record for record in records if processor(record) == processor(records[0])]

    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "numpy-vitmatte"  # the same records give the same file
    import matplotlib.pyplot as plt
    from matplotlib.patches import Patch

    threads = sorted({record["threads"] for record in records})
    figure, panels = plt.subplots(len(threads) + 1, 1, figsize=(8, 2.8 * (len(threads) + 1)), layout="constrained")
    for panel, number in zip(panels, threads, strict=False):
        panel.set_title(f"time, {number} thread{'s' if number > 1 else ''} (numpy-vitmatte = 1)")
        rows = [record for record in records if record["threads"] == number]
        _bars(panel, rows, lambda result: 1 / result["ratio"], "{:.1f}")
    panels[-1].set_title(f"peak resident memory of the process, {threads[-1]} threads (GB)")
    rows = [record for record in records if record["threads"] == threads[-1]]
    _bars(panels[-1], rows, lambda result: result["peak_megabytes"] / 1000, "{:.2g}")
    panels[-1].set_yscale("log")
    panels[-1].set_ylim(bottom=0.1)
    panels[-1].yaxis.set_major_formatter("{x:g}")
    panels[-1].yaxis.set_minor_formatter("")  # a short axis would be labeled at every line
    handles = [Patch(color=color, label=name) for name, color in zip(COMPETITORS, COLORS, strict=True)]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(COMPETITORS), fontsize=8, frameon=False)
    figure.savefig(arguments.output, metadata={"Date": None})
    return True


def _bars(panel, records: list[dict], value, label: str) -> None:
    """A group of bars for each size; a cross where a competitor failed."""
    records = sorted(records, key=lambda record: record["height"] * record["width"])
    width = 0.8 / len(COMPETITORS)
    for place, name in enumerate(COMPETITORS):
        for group, record in enumerate(records):
            result = record["results"].get(name)
            if result is None:
                continue
            x = group + (place - (len(COMPETITORS) - 1) / 2) * width
            if "failed" in result:
                panel.text(x, 0, "×", transform=panel.get_xaxis_transform(), ha="center", va="bottom")
                continue
            height = value(result)
            panel.bar(x, height, 0.92 * width, color=COLORS[place])
            panel.annotate(label.format(height), (x, height), ha="center", va="bottom", fontsize=7)
    panel.set_xticks(range(len(records)), [f"{record['height']} x {record['width']}" for record in records])
    panel.margins(y=0.25)
    panel.spines[["top", "right"]].set_visible(False)
