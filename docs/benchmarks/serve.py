"""``serve``: pictures per second of the service with two clients, beside ``matte()`` in a loop, and its peak memory.

Both read the same files and make the same PNG, which is checked. Loop and service take turns, some seconds each, and
change places from round to round: what else the machine does hits both alike. A round of the service begins and ends
with an empty lane, which costs more in a shorter round. Seconds of the processor are counted as well; other programs
change them little. The clients' are counted apart: on the same machine they take them from the service.
"""

import argparse
import http.client
import io
import logging
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import materials
from records import new_record, save

from numpy_vitmatte import VitMatteForImageMatting, matte, set_num_threads
from numpy_vitmatte.pipeline import DEFAULT_MODEL

log = logging.getLogger("benchmarks")

CLIENTS = 2
UNKNOWN = 0.17
FEWEST = 6  # photos in a round
BOUNDARY = "benchmark-boundary"


def run(arguments: argparse.Namespace) -> bool:
    """Measure every size and number of threads; print a line and leave a record for each."""
    model = arguments.model or DEFAULT_MODEL
    loaded = VitMatteForImageMatting.from_pretrained(model)
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            share = materials.put_photo(folder, *size, UNKNOWN)
            for threads in arguments.threads:
                set_num_threads(threads)
                measured = _measure(folder, loaded, str(model), threads, arguments)
                record = new_record("serve", *size, threads, unknown_share=share, clients=CLIENTS, **measured)
                _print(record)
                save(record, arguments.output)
    return True


def _measure(folder: Path, loaded: VitMatteForImageMatting, model: str, threads: int, arguments: argparse.Namespace):
    from numpy_vitmatte.serve.pictures import AnswerPicture, encode  # the other benchmarks do without [serve]

    photo, trimap = folder / "photo.png", folder / "trimap.png"
    body = _form({"image": photo.read_bytes(), "trimap": trimap.read_bytes()})
    with _service(model, threads) as (address, process):

        def loop(photos: int) -> bytes:
            for _ in range(photos):
                file = io.BytesIO()
                encode(file, AnswerPicture(matte(photo, trimap, loaded)), "png")
            return file.getvalue()

        def service(photos: int) -> None:
            _crowd(address, body, photos, expected)

        expected = loop(1)
        service(CLIENTS)
        began = time.perf_counter()
        loop(1)
        photos = max(FEWEST, math.ceil(arguments.seconds / (time.perf_counter() - began)))
        seconds, processor = _take_turns({"loop": loop, "service": service}, photos, arguments.rounds, process.pid)
        peak = _peak_megabytes(process.pid)
    return {
        "photos": photos,
        **{f"{name}_seconds": each for name, each in seconds.items()},
        **{f"{name}_processor_seconds": statistics.median(each) for name, each in processor.items()},
        "throughput_share": statistics.median(a / b for a, b in zip(*seconds.values(), strict=True)),
        "peak_megabytes": peak,
    }


def _take_turns(works: dict[str, Callable[[int], object]], photos: int, rounds: int, pid: int):
    """Measure loop and service, by round: seconds for each picture, and the processor's; those of the clients apart."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    processor: dict[str, list[float]] = {name: [] for name in (*works, "clients")}
    for number in range(rounds):
        for name in list(works)[:: 1 if number % 2 else -1]:
            here, there, began = time.process_time(), _processor_seconds(pid), time.perf_counter()
            works[name](photos)
            seconds[name].append((time.perf_counter() - began) / photos)
            processor["loop" if name == "loop" else "clients"].append((time.process_time() - here) / photos)
            if name == "service":
                processor[name].append((_processor_seconds(pid) - there) / photos)
        log.info("loop %.3f s, service %.3f s a picture", seconds["loop"][-1], seconds["service"][-1])
    return seconds, processor


@contextmanager
def _service(model: str, threads: int) -> Iterator[tuple[str, subprocess.Popen]]:
    command = [sys.executable, "-m", "numpy_vitmatte", "serve", "--port", "0", "--quiet"]
    command += ["--model", model, "--threads", str(threads)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        address = process.stdout.readline().strip()
        while _get(address, "/readyz") != 200:
            time.sleep(0.2)
        yield address, process
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _crowd(address: str, body: bytes, photos: int, expected: bytes) -> None:
    """Let the clients ask, and wait until they have all their answers."""
    shares = [photos // CLIENTS + (number < photos % CLIENTS) for number in range(CLIENTS)]
    clients = [threading.Thread(target=_ask, args=(address, body, share, expected)) for share in shares]
    for client in clients:
        client.start()
    for client in clients:
        client.join()


def _ask(address: str, body: bytes, times: int, expected: bytes) -> None:
    connection = http.client.HTTPConnection(urlsplit(address).netloc)
    for _ in range(times):
        connection.request("POST", "/v1/matte", body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"the service answered {answer.status}: {content[:200]!r}")
        if content != expected:
            raise RuntimeError("the service answered another picture than the loop")
    connection.close()


def _get(address: str, path: str) -> int:
    connection = http.client.HTTPConnection(urlsplit(address).netloc)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status


def _form(files: dict[str, bytes]) -> bytes:
    body = b""
    for name, content in files.items():
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n\r\n'
        body += head.encode() + content + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


def _processor_seconds(process: int) -> float:
    """Seconds that a process has had a processor; NaN where the system does not tell."""
    status = Path(f"/proc/{process}/stat")
    if not status.exists():
        return float("nan")
    user, system = status.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _peak_megabytes(process: int) -> float | None:
    """Peak resident memory, where the system tells it."""
    table = Path(f"/proc/{process}/status")
    if not table.exists():
        return None
    rows = dict(line.split(":", 1) for line in table.read_text().splitlines())
    return int(rows["VmHWM"].split()[0]) * 1024 / 1e6


def _print(record: dict) -> None:
    seconds = statistics.median(record["service_seconds"])
    peak = f"{record['peak_megabytes']:.0f} MB" if record["peak_megabytes"] else "unknown"
    measurement = f"serve, {record['height']}x{record['width']}, threads {record['threads']}"
    print(
        f"{measurement}: {1 / seconds:.2f} pictures a second, "
        f"{record['throughput_share']:.2f} of the loop's, {record['loop_processor_seconds']:.3f} and "
        f"{record['service_processor_seconds']:.3f} s of the processor each in the loop and the service, "
        f"{record['clients_processor_seconds']:.4f} s in the clients, "
        f"peak memory {peak}",
        flush=True,
    )
