"""``numpy-vitmatte compare``: the first layer at which two traces differ."""

import argparse
from pathlib import Path

from numpy_vitmatte.cli.messages import logger
from numpy_vitmatte.cli.options import add_verbosity_options
from numpy_vitmatte.tracing.comparison import TOLERANCE, TraceComparison, compare_traces
from numpy_vitmatte.tracing.trace_file import read_trace

DESCRIPTION = """Compare two traces layer by layer, in the order of the network, and say where they differ first.
Exit status 0: they agree. 1: they differ. 2: one cannot be read."""

EXAMPLES = """examples:
  numpy-vitmatte compare trace.safetensors from-my-port.safetensors
  numpy-vitmatte compare trace.safetensors from-my-port.safetensors --common --tolerance 1e-3 --verbose
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("first", metavar="A", type=Path, help="a trace: a safetensors file")
    parser.add_argument("second", metavar="B", type=Path, help="a second trace, of the same photo and checkpoint")
    parser.add_argument(
        "--tolerance",
        metavar="SHARE",
        type=float,
        default=TOLERANCE,
        help="largest difference at which two layers agree, as a share of the layer's root mean square "
        "(default: %(default)s)",
    )
    parser.add_argument("--common", action="store_true", help="ignore layers that only one of the two has")
    add_verbosity_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print where the traces differ first. Return 1 if they do, else 0.

    Raises
    ------
    VitMatteError
        If a trace cannot be read, or they have no layer in common.
    """
    first, second = read_trace(arguments.first), read_trace(arguments.second)
    comparison = compare_traces(first, second, arguments.tolerance, common=arguments.common)
    for layer in comparison.layers:
        logger.debug("%s %s: %s", "agrees " if layer.agree else "differs", layer.name, layer.text)
    for line in _lines(comparison, arguments.tolerance):
        print(line)
    return 0 if comparison.first_difference is None else 1


def _lines(comparison: TraceComparison, tolerance: float) -> list[str]:
    found = comparison.first_difference
    count = len(comparison.layers)
    if found is None:
        largest = comparison.largest
        where = f"is {largest.difference:.2g}, in {largest.name}" if largest.difference else "is 0"
        return [f"{count} layers agree within {tolerance:g} of their size; the largest difference {where}"]
    before = comparison.layers.index(found)
    differing = sum(not layer.agree for layer in comparison.layers[before + 1 :])
    return [
        f"first difference: {found.name}: {found.text}",
        f"{before} layers before it agree within {tolerance:g} of their size; of {count - before - 1} after it "
        f"{differing} differ",
    ]
