"""``tables``: write the tables of ``docs/performance.md`` that compare, from the records of ``forward`` and ``job``."""

import argparse
import re
from pathlib import Path

from competitors import EVERYBODY, OURS
from records import load, processor

NAMES = {
    "openvino": "OpenVINO",
    "onnxruntime": "ONNX Runtime",
    "torch": "PyTorch, eager",
    "openvino-default": "OpenVINO as installed",
    "torch-bf16": "PyTorch, eager, bfloat16",
    f"{OURS}-medium": f"{OURS}, *medium*",
}


LIBRARIES = ("openvino", "onnxruntime", "torch", "transformers")


def run(arguments: argparse.Namespace) -> bool:
    """Write the tables between their marks in the page."""
    text = arguments.page.read_text(encoding="utf-8")
    arguments.page.write_text(with_tables(text, arguments.results), encoding="utf-8")
    return True


def with_tables(text: str, results: Path) -> str:
    """The page's text with its tables as the records have them."""
    forward, job = (load(results / f"{name}.json") for name in ("forward", "job"))
    for name, lines in (("one size", one_size(forward, job)), ("all sizes", all_sizes(forward))):
        begin, end = f"<!-- table: {name} -->\n", f"<!-- end of table: {name} -->"
        whole = begin + "\n" + "\n".join(lines) + "\n\n" + end
        text, found = re.subn(re.escape(begin) + ".*?" + re.escape(end), lambda _, whole=whole: whole, text, flags=re.S)
        if found != 1:
            raise ValueError(f"the page has {found} places for the table of {name}; expected one")
    return text


def one_size(forward: list[dict], job: list[dict], size: tuple[int, int] = (640, 960), threads: int = 2) -> list[str]:
    """Everybody at one size, a table for each processor: a call, memory, the error, the whole job."""
    lines: list[str] = []
    for record in forward:
        if (record["height"], record["width"], record["threads"]) != (*size, threads):
            continue
        same = (other for other in job if all(other[key] == record[key] for key in ("height", "width", "threads")))
        jobs = next((_results(other) for other in same if processor(other) == processor(record)), {})
        versions = ", ".join(f"{name} {record['versions'][name]}" for name in LIBRARIES if name in record["versions"])
        lines += [
            *([""] if lines else []),
            f"{processor(record)}, with {versions}:",
            "",
            "| | one call | ours / it | peak memory | largest difference | photo and trimap to alpha | ours / it |",
            "|---|---|---|---|---|---|---|",
            *(_row(name, call, jobs.get(name)) for name, call in _results(record).items()),
        ]
    return lines


def all_sizes(forward: list[dict]) -> list[str]:
    """Ours in seconds and megabytes, and the ratio to everybody else, for each size and number of threads."""
    others = [name for name in EVERYBODY if name != OURS and any(name in record["results"] for record in forward)]
    lines = [
        f"| processor, size, threads | {OURS} | " + " | ".join(NAMES.get(name, name) for name in others) + " |",
        "|---" * (len(others) + 2) + "|",
    ]
    for record in forward:
        results = _results(record)
        ours = f"{_seconds(results[OURS])}, {results[OURS]['peak_megabytes']:.0f} MB"
        cells = [_ratio(name, results.get(name)) for name in others]
        label = f"{processor(record)}, {record['height']}x{record['width']}, {record['threads']}"
        lines.append(f"| {label} | {ours} | " + " | ".join(cells) + " |")
    return lines


def _row(name: str, call: dict, whole: dict | None) -> str:
    cells = (
        NAMES.get(name, name),
        _seconds(call),
        _ratio(name, call),
        f"{call['peak_megabytes']:.0f} MB",
        "" if name == OURS else f"{call['largest_difference']:.0e}",
        _seconds(whole) if whole else "",
        _ratio(name, whole),
    )
    return "| " + " | ".join(cells) + " |"


def _seconds(result: dict) -> str:
    seconds = result["median_seconds"]
    return f"{seconds:.{3 if seconds < 1 else 2}f} s"


def _ratio(name: str, result: dict | None) -> str:
    return "" if name == OURS or result is None else f"{result['ratio']:.2f}"


def _results(record: dict) -> dict[str, dict]:
    """The results of those that did not fail, ours first, then the fastest first."""
    done = {name: result for name, result in record["results"].items() if "failed" not in result}
    return dict(sorted(done.items(), key=lambda item: (item[0] != OURS, item[1]["median_seconds"])))
