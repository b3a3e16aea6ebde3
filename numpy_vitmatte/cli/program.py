"""Entry point of ``numpy-vitmatte``: the commands, and one line on stderr for whatever goes wrong.

Exit status 0: done. 1: finished, but something in it failed. 2: usage or input that cannot be used, nothing was
written. 130: interrupted.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from numpy_vitmatte._version import __version__
from numpy_vitmatte.cli import (
    batch,
    compare,
    convert,
    demo,
    download,
    evaluate,
    matte,
    serve,
    trace,
    trimap,
    verify,
    warmup,
)
from numpy_vitmatte.cli.messages import messages_on_stderr
from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.images.pixel_limit import MAX_PIXELS, pixel_limit

PROGRAM = "numpy-vitmatte"

_EXAMPLES = f"""examples:
  {PROGRAM} demo
  {PROGRAM} matte photo.jpg trimap.png -o alpha.png
"""


class OneLineParser(argparse.ArgumentParser):
    """A parser whose usage errors are one line, without the usage text.

    Attributes
    ----------
    interleaved : bool
        Options may also stand before a positional argument that may be left out; otherwise argparse takes it for left
        out at the first option.
    """

    interleaved = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse as argparse does, in one go or, once, with options and positional arguments apart."""
        if not self.interleaved:
            return super().parse_known_args(args, namespace)
        self.interleaved = False  # it calls this method for each of its two goes
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self.interleaved = True

    def error(self, message: str) -> NoReturn:
        """Print the message on one line and exit with status 2."""
        self.exit(2, f"{self.prog}: error: {_one_line(message)} (see {self.prog} --help)\n")


def build_parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = OneLineParser(
        prog=PROGRAM,
        description="Image matting with ViTMatte on a CPU: a photo and a trimap in, the alpha out.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(max_pixels=MAX_PIXELS)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (matte, trimap, batch, evaluate, demo, download, convert, verify, warmup, trace, compare, serve):
        command.add_command(commands)
    for each in (parser, *commands.choices.values()):
        each.add_argument(
            "--version",
            action="version",
            version=f"{PROGRAM} {__version__}",
            help="print the version and exit",
        )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments without the program's name; by default those of this process.

    Returns
    -------
    int
        The exit status. ``--help``, ``--version`` and usage errors raise SystemExit, as argparse does.
    """
    arguments = build_parser().parse_args(argv)
    try:
        with messages_on_stderr(arguments.loudness), pixel_limit(arguments.max_pixels):
            status = arguments.run(arguments)
        sys.stdout.flush()
    except VitMatteError as error:
        return _fail(2, f"error: {error}")
    except MemoryError:
        return _fail(2, "error: not enough memory for a photo of this size; try --max-side 2048")
    except KeyboardInterrupt:
        return _fail(130, "interrupted")
    except BrokenPipeError:
        # Whoever read the output has gone; Python would complain once more when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status or 0  # most commands succeed or raise, and return nothing


def _fail(status: int, message: str) -> int:
    print(f"{PROGRAM}: {_one_line(message)}", file=sys.stderr)
    return status


def _one_line(message: str) -> str:
    return " ".join(message.split())
