"""``serve``: pictures per second of the service with two clients, beside ``matte()`` in a loop, and its peak memory."""

import argparse
import http.client
import logging
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
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
    photo, trimap = folder / "photo.png", folder / "trimap.png"
    body = _form({"image": photo.read_bytes(), "trimap": trimap.read_bytes()})
    loop, service = [], []
    with _service(model, threads) as (address, process):
        _ask(address, body, 1)
        matte(photo, trimap, loaded)
        for _ in range(arguments.rounds):
            began = time.perf_counter()
            for _ in range(arguments.photos):
                matte(photo, trimap, loaded)
            loop.append((time.perf_counter() - began) / arguments.photos)
            service.append(_crowd(address, body, arguments.photos) / arguments.photos)
            log.info("loop %.3f s, service %.3f s a picture", loop[-1], service[-1])
        peak = _peak_megabytes(process.pid)
    share = statistics.median(one / other for one, other in zip(loop, service, strict=True))
    return {"loop_seconds": loop, "service_seconds": service, "throughput_share": share, "peak_megabytes": peak}


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


def _crowd(address: str, body: bytes, photos: int) -> float:
    """Seconds until the clients have all their answers."""
    shares = [photos // CLIENTS + (number < photos % CLIENTS) for number in range(CLIENTS)]
    clients = [threading.Thread(target=_ask, args=(address, body, share)) for share in shares]
    began = time.perf_counter()
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return time.perf_counter() - began


def _ask(address: str, body: bytes, times: int) -> None:
    connection = http.client.HTTPConnection(urlsplit(address).netloc)
    for _ in range(times):
        connection.request("POST", "/v1/matte", body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"the service answered {answer.status}: {content[:200]!r}")
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
        f"{record['throughput_share']:.2f} of matte() in a loop, peak memory {peak}",
        flush=True,
    )
