"""What was measured on: the machine, without names of hosts or people, and the versions."""

import importlib.metadata
import os
import platform
from pathlib import Path

from llvmlite.binding import get_host_cpu_name

import numpy_vitmatte

PACKAGES = ("numpy", "numba", "llvmlite", "torch", "transformers", "onnx", "onnxruntime", "openvino")


def machine() -> dict[str, str | int]:
    """Processor, how many of them this process may use, memory and system."""
    return {
        "processor": _processor(),
        "usable_processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memory_megabytes": round(_physical_memory() / 1e6),
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """Of Python, this package and whatever of the competitors is installed."""
    found = {"python": platform.python_version(), "numpy-vitmatte": numpy_vitmatte.__version__}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def available_memory() -> int:
    """Bytes that can be had without taking them from others."""
    table = Path("/proc/meminfo")
    if table.exists():
        rows = dict(line.split(":", 1) for line in table.read_text().splitlines())
        return int(rows["MemAvailable"].split()[0]) * 1024
    return _physical_memory()


def _physical_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _processor() -> str:
    """Return its name and, since virtual machines shorten that to the brand, what LLVM calls its generation."""
    table = Path("/proc/cpuinfo")
    lines = table.read_text().splitlines() if table.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name} ({get_host_cpu_name()})"
