"""What a measurement leaves: a table on the screen and a record in a JSON file."""

import json
import os
from pathlib import Path

from competitors import IN_BFLOAT16
from machine import machine, versions

# Two records with these in common, and of one kind of processor, are of the same measurement; the newer replaces the
# older.
KEY = ("benchmark", "height", "width", "threads")

# Alphas further apart than this are not of the same network.
TOLERANCE = 1e-4


def new_record(benchmark: str, height: int, width: int, threads: int, **more) -> dict:
    """A record with what was measured and on what."""
    measured = {"benchmark": benchmark, "height": height, "width": width, "threads": threads}
    return measured | {"machine": machine(), "versions": versions()} | more


def print_table(record: dict) -> bool:
    """Print a line for each competitor; whether all of them did it, and agree."""
    results = record["results"]
    rounds = max(len(result["seconds"]) for result in results.values())
    print(f"{record['benchmark']}, {record['height']}x{record['width']}, threads {record['threads']}, rounds {rounds}")
    print(f"{'':<22}{'median s':>10}{'ours / it':>11}{'peak MB':>9}{'largest difference of alpha':>29}")
    for name, result in results.items():
        if "failed" in result:
            print(f"{name:<22}  failed: {result['failed']}")
            continue
        memory = f"{result['peak_megabytes']:.0f}" if "peak_megabytes" in result else "-"
        numbers = f"{result['median_seconds']:>10.3f}{result['ratio']:>11.3f}{memory:>9}"
        print(f"{name:<22}{numbers}{result['largest_difference']:>29.1e}")
    print(flush=True)
    return all(
        "failed" not in result and (name in IN_BFLOAT16 or result["largest_difference"] <= TOLERANCE)
        for name, result in results.items()
    )


def load(path: Path) -> list[dict]:
    """The records of a file; none if there is no file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def save(record: dict, path: Path) -> None:
    """Put a record into a file, in the place of an older one of the same measurement."""
    records = [old for old in load(path) if _place(old) != _place(record)] + [record]
    records.sort(key=_place)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
    os.replace(unfinished, path)


def processor(record: dict) -> str:
    """The kind of processor that a record was measured on."""
    return record["machine"]["processor"]


def _place(record: dict) -> tuple:
    return processor(record), *(record[key] for key in KEY)
