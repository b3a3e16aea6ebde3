"""``forward`` and ``job``: one call of the model, or the whole job, ours and others', size by size."""

import argparse
import tempfile
from pathlib import Path

import materials
from competitors import EVERYBODY, OURS
from exports import export
from machine import available_memory
from records import new_record, print_table, save
from rounds import measure
from worker import Assignment, Worker

# From this many pixels on, the processes do not fit into memory side by side.
ALONE_FROM = 2_000_000

# Of the memory available at the start; the rest is for this process and the system.
MEMORY_SHARE = 0.95

# Where the smallest fits and every kernel is called.
WARM_UP_SIZE = (64, 64)


def run(arguments: argparse.Namespace) -> bool:
    """Measure every size with every number of threads; print and save as they come; whether nobody failed."""
    names = [name for name in EVERYBODY if name == OURS or not arguments.only or name in arguments.only]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        materials.put_checkpoint(folder, arguments.model)
        _warm_up(folder, arguments)
        outcomes = [_run_size(size, folder, names, arguments) for size in arguments.sizes]
    return all(outcomes)


def _run_size(size: tuple[int, int], folder: Path, names: list[str], arguments: argparse.Namespace) -> bool:
    task, more = _new_task(folder, f"{size[0]}x{size[1]}", size, arguments)
    failed = export(task, *size, names)
    together = size[0] * size[1] < ALONE_FROM
    succeeded = True
    for threads in arguments.threads:
        assignment = Assignment(arguments.benchmark, task, threads, int(MEMORY_SHARE * available_memory()))
        results = measure(names, assignment, arguments.rounds, together, failed)
        if arguments.benchmark == "job":
            for result in results.values():
                result.pop("peak_megabytes", None)  # transformers' processor imports torch, whoever computes
        record = new_record(arguments.benchmark, *size, threads, **more, results=results)
        succeeded &= print_table(record)
        save(record, arguments.output)
    return succeeded


def _new_task(folder: Path, name: str, size: tuple[int, int], arguments: argparse.Namespace) -> tuple[Path, dict]:
    """The task's folder, and what the record says of its input."""
    task = materials.new_task(folder, name)
    if arguments.benchmark == "job":
        return task, {"unknown_share": materials.put_photo(task, *size, arguments.unknown)}
    materials.put_pixel_values(task, *size)
    return task, {}


def _warm_up(folder: Path, arguments: argparse.Namespace) -> None:
    """Compile our kernels in a process that is not measured: their compiler's memory is not the network's."""
    task, _ = _new_task(folder, "warm-up", WARM_UP_SIZE, arguments)
    Worker(OURS, Assignment(arguments.benchmark, task, 1, available_memory())).finish()
