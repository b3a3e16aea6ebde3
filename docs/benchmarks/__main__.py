"""Measure numpy-vitmatte beside OpenVINO, ONNX Runtime and PyTorch.

Same checkpoint, same input, same number of threads; each competitor in a process of its own; rounds interleaved,
because a machine's speed drifts; the median of the rounds' ratios. Needs the extra [bench]. Exit status: 0; 1 if a
competitor failed or its alphas differ from ours.
"""

import argparse
import logging
import os
import sys
from pathlib import Path

import bundled
import comparison
import compilation
import memory
import picture
import roofline
import serve
import start
import steps
import tables
import training
from competitors import EVERYBODY
from worker import Failed

from numpy_vitmatte.runtime.precision import PRECISIONS

HERE = Path(__file__).parent
SIZES = [(512, 512), (640, 960), (1024, 1024), (2048, 2048)]
MEMORY_SIZES = [(1024, 1024), (1472, 1472), (2048, 2048), (2496, 2496), (4096, 2304)]
SERVE_SIZES = [(512, 512), (1024, 1024), (2048, 2048)]
EXAMPLE = "example: python docs/benchmarks forward --sizes 640x960 --threads 2 --only openvino onnxruntime"


def size(text: str) -> tuple[int, int]:
    """``640x960`` to (640, 960)."""
    height, width = (int(side) for side in text.split("x"))
    if height % 32 or width % 32 or height <= 0 or width <= 0:
        raise argparse.ArgumentTypeError(f"{text}: height and width must be multiples of 32, above 0")
    return height, width


def count(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected a whole number from 1 on")
    return int(text)


def main() -> int:
    """Parse the command line, measure, and give the exit status."""
    arguments = parser().parse_args()
    logging.basicConfig(level=logging.WARNING if arguments.quiet else logging.INFO, format="%(message)s")
    os.environ["HF_HUB_OFFLINE"] = "1"  # every checkpoint is a folder
    try:
        return 0 if arguments.run(arguments) else 1
    except Failed as error:
        print(f"numpy-vitmatte failed: {error}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """The command line."""
    whole = argparse.ArgumentParser(
        prog="python docs/benchmarks", description=__doc__, epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    for benchmark, help_text in (("forward", "one call of the model"), ("job", "from photo and trimap to the alpha")):
        command = _measurement(commands, benchmark, help_text, SIZES if benchmark == "forward" else [(640, 960)])
        command.add_argument("--rounds", type=count, default=7, help="(default: %(default)s)")
        command.add_argument("--only", nargs="+", choices=EVERYBODY, metavar="NAME", help=", ".join(EVERYBODY))
        command.set_defaults(run=comparison.run, benchmark=benchmark)
    command.add_argument("--unknown", type=float, default=0.17, help="share of the trimap (default: %(default)s)")
    command = _measurement(commands, "start", "a whole process with one 512x512 photo, beside torch", None)
    command.add_argument("--rounds", type=count, default=7, help="(default: %(default)s)")
    command.set_defaults(run=start.run)
    command = _measurement(commands, "memory", "peak memory of ours from 1 to 9 megapixels", MEMORY_SIZES)
    command.set_defaults(run=memory.run)
    command = _measurement(commands, "roofline", "how near to the peak each part of ours comes", [(640, 960)])
    command.add_argument("--rounds", type=count, default=7, help="(default: %(default)s)")
    command.set_defaults(run=roofline.run)
    command = _measurement(commands, "bundled", "the bundled checkpoint beside ViTMatte-S", [(640, 960)])
    command.add_argument("--rounds", type=count, default=15, help="(default: %(default)s)")
    command.set_defaults(run=bundled.run)
    command = _measurement(commands, "serve", "the service with two clients beside matte() in a loop", SERVE_SIZES)
    command.add_argument("--rounds", type=count, default=15, help="(default: %(default)s)")
    command.add_argument("--seconds", type=float, default=3, help="a round of the loop at least (default: %(default)s)")
    command.set_defaults(run=serve.run)
    command = _measurement(commands, "training", "one step of training, beside torch", None)
    command.add_argument("--rounds", type=count, default=9, help="(default: %(default)s)")
    command.add_argument(
        "--batch", type=int, choices=[case.batch for case in training.CASES],
        help="only the bundled checkpoint with 4 pictures, or only ViTMatte-S with 1 (default: both)",
    )  # fmt: skip
    command.set_defaults(run=training.run)
    command = commands.add_parser("steps", help="what each idea of docs/performance.md brings")
    command.add_argument("--rounds", type=count, default=9, help="(default: %(default)s)")
    command.add_argument("--output", type=Path, default=HERE / "results/steps.json", help="(default: %(default)s)")
    command.set_defaults(run=steps.run, quiet=False)
    command = commands.add_parser("compile", help="which kernels are compiled, and for how long")
    command.add_argument("--precision", choices=PRECISIONS, default="highest", help="(default: %(default)s)")
    command.set_defaults(run=compilation.run, quiet=False)
    command = commands.add_parser("picture", help="draw what forward has measured")
    command.add_argument("--results", type=Path, default=HERE / "results/forward.json", help="(default: %(default)s)")
    command.add_argument(
        "--output", type=Path, default=HERE.parent / "images/benchmarks.svg", help="(default: %(default)s)"
    )
    command.set_defaults(run=picture.run, quiet=False)
    command = commands.add_parser("tables", help="write the performance page's tables of what forward and job measured")
    command.add_argument("--results", type=Path, default=HERE / "results", help="(default: %(default)s)")
    command.add_argument("--page", type=Path, default=HERE.parent / "performance.md", help="(default: %(default)s)")
    command.set_defaults(run=tables.run, quiet=False)
    return whole


def _measurement(commands, name: str, help_text: str, sizes: list[tuple[int, int]] | None) -> argparse.ArgumentParser:
    """A command with the options that all measurements share."""
    command = commands.add_parser(name, help=help_text, description=help_text, epilog=EXAMPLE.replace("forward", name))
    if sizes is not None:
        default = " ".join(f"{height}x{width}" for height, width in sizes)
        command.add_argument(
            "--sizes", type=size, nargs="+", default=sizes, metavar="HxW", help=f"(default: {default})"
        )
    command.add_argument("--threads", type=count, nargs="+", default=[1, 2], help="(default: 1 2)")
    command.add_argument("--model", type=Path, help="a checkpoint's folder (default: ViTMatte-S with random weights)")
    command.add_argument("--output", type=Path, default=HERE / f"results/{name}.json", help="(default: %(default)s)")
    command.add_argument("--quiet", action="store_true", help="say no single runs")
    return command


if __name__ == "__main__":
    sys.exit(main())
