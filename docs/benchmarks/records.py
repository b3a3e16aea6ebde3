"""What a measurement leaves: a table on the screen and a record in a JSON file."""

import json
from pathlib import Path


# Two records with these in common are of the same measurement; the newer replaces the older.
KEY = ("benchmark", "height", "width", "threads")


def print_table(record: dict) -> None:
    """A line for each competitor."""
    rounds = max(len(result["seconds"]) for result in record["results"].values())
    print(f"{record['benchmark']}, {record['height']}x{record['width']}, threads {record['threads']}, rounds {rounds}")
    print(f"{'':<16}{'median s':>10}{'ours / it':>11}{'peak MB':>9}{'largest difference of alpha':>29}")
    for name, result in record["results"].items():
        if "failed" in result:
            print(f"{name:<16}  failed: {result['failed']}")
            continue
        numbers = f"{result['median_seconds']:>10.3f}{result['ratio']:>11.3f}{result['peak_megabytes']:>9.0f}"
        print(f"{name:<16}{numbers}{result['largest_difference']:>29.1e}", flush=True)


def load(path: Path) -> list[dict]:
    """The records of a file; none if there is no file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def save(record: dict, path: Path) -> None:
    """Put a record into a file, in the place of an older one of the same measurement."""
    records = [old for old in load(path) if any(old[key] != record[key] for key in KEY)] + [record]
    records.sort(key=lambda one: [one[key] for key in KEY])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
