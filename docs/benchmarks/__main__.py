"""Measure numpy-vitmatte beside OpenVINO, ONNX Runtime and PyTorch: ``python docs/benchmarks forward --threads 2``.

Same random checkpoint, same input, same number of threads; each competitor in a process of its own; rounds interleaved,
because a machine's speed drifts; the median of the rounds' ratios. Needs the ``[bench]`` extra.
"""

import argparse
from pathlib import Path

import forward
from competitors import COMPETITORS

RESULTS = Path(__file__).parent / "results"


def size(text: str) -> tuple[int, int]:
    """``640x960`` to (640, 960)."""
    height, width = (int(side) for side in text.split("x"))
    if height % 16 or width % 16 or height <= 0 or width <= 0:
        raise argparse.ArgumentTypeError(f"{text}: sides must be multiples of 16")
    return height, width


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(prog="python docs/benchmarks", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("forward", help="one call of the model")
    command.add_argument(
        "--sizes", type=size, nargs="+", metavar="HxW", help="(default: 512x512 640x960 1024x1024 2048x2048)",
        default=[(512, 512), (640, 960), (1024, 1024), (2048, 2048)],
    )  # fmt: skip
    command.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="(default: 1 2)")
    command.add_argument("--rounds", type=int, default=7, help="(default: %(default)s)")
    command.add_argument("--only", nargs="+", choices=COMPETITORS, metavar="NAME", help=", ".join(COMPETITORS))
    command.add_argument("--output", type=Path, default=RESULTS / "forward.json", help="(default: %(default)s)")
    command.set_defaults(run=forward.run)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
