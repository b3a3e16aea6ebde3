"""``compile``: which kernels ``warmup`` compiles from an empty cache, how often and for how long, and what takes it."""

import argparse
import collections
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

PASSES = {
    "P nopython_type_inference": "types",
    "P native_lowering": "instructions of LLVM, written by Python",
    "_optimize_functions": "LLVM: each function alone",
    "_optimize_final_module": "LLVM: all functions of a kernel",
    "_finalize_final_module": "LLVM: machine code",
}


class Stopwatch:
    """Processor seconds by name; what is measured within something else counts for itself alone."""

    def __init__(self) -> None:
        self.seconds: collections.Counter[str] = collections.Counter()
        self.times: collections.Counter[str] = collections.Counter()
        self._open: list[list[float]] = []

    def start(self) -> None:
        """Begin to measure."""
        self._open.append([time.process_time(), 0.0])

    def stop(self, name: str) -> None:
        """Count what began last under a name."""
        begun, within = self._open.pop()
        spent = time.process_time() - begun
        self.seconds[name] += spent - within
        self.times[name] += 1
        if self._open:
            self._open[-1][1] += spent

    def around(self, function: Callable[..., Any], name: Callable[..., str]) -> Callable[..., Any]:
        """Measure every call of a function under the name that its arguments have."""

        def timed(*arguments: Any, **keywords: Any) -> Any:
            self.start()
            try:
                return function(*arguments, **keywords)
            finally:
                self.stop(name(*arguments))

        return timed


def run(arguments: argparse.Namespace) -> bool:
    """Measure in a process of its own, with an empty folder of kernels, on one thread."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "NUMBA_CACHE_DIR": folder,
            "NUMPY_VITMATTE_NUM_THREADS": "1",
            "NUMPY_VITMATTE_PRECISION": arguments.precision,
        }
        return subprocess.run([sys.executable, __file__], env=environment).returncode == 0


def measure() -> None:
    """Compile what the bundled network runs, and print two tables."""
    kernels, steps = _watch()
    from numpy_vitmatte.pipeline.warmup import run_kernels
    from numpy_vitmatte.runtime.precision import checked_precision, used_precision

    started = time.process_time()
    run_kernels()
    total = time.process_time() - started
    print(f"products in {used_precision(checked_precision(None))}: {total:.1f} s for {len(kernels.seconds)} kernels\n")
    print("| kernel | compiled | seconds |\n|---|---|---|")
    for name, seconds in kernels.seconds.most_common():
        print(f"| `{name}` | {kernels.times[name]} | {seconds:.2f} |")
    print("\n| step | seconds |\n|---|---|")
    for name, meaning in PASSES.items():
        print(f"| {meaning} | {steps.seconds[name]:.2f} |")
    print(f"| everything else of Numba's | {sum(steps.seconds.values()) - sum(steps.seconds[n] for n in PASSES):.2f} |")


def _watch() -> tuple[Stopwatch, Stopwatch]:
    """Let Numba tell two stopwatches: one of kernels, with the helpers that Numba adds, and one of its steps."""
    from numba.core import event
    from numba.core.codegen import CPUCodeLibrary
    from numba.core.compiler_machinery import PassManager

    kernels, steps = Stopwatch(), Stopwatch()

    class Listener(event.Listener):
        def on_start(self, event: event.Event) -> None:
            if self.is_ours(event):
                kernels.start()

        def on_end(self, event: event.Event) -> None:
            if self.is_ours(event):
                function = event.data["dispatcher"].py_func
                module = function.__module__.removeprefix("numpy_vitmatte.").removeprefix("kernels.")
                kernels.stop(f"{module}.{function.__name__}")

        def is_ours(self, event: event.Event) -> bool:
            return event.data["dispatcher"].py_func.__module__.startswith("numpy_vitmatte")

    event.register("numba:compile", Listener())
    for name in PASSES:
        if name.startswith("_"):
            setattr(CPUCodeLibrary, name, steps.around(getattr(CPUCodeLibrary, name), lambda *_, name=name: name))
    PassManager._runPass = steps.around(PassManager._runPass, lambda _, index, one, *__: f"P {one.name()}")
    return kernels, steps


if __name__ == "__main__":
    measure()
