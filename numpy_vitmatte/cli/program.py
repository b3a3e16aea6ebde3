"""Entry point of ``numpy-vitmatte``: the commands, and one line on stderr for whatever goes wrong.

Exit status 0: done. 1: finished, but something in it failed. 2: usage or input that cannot be used, nothing was
written. 129, 130, 143: the terminal was closed, Ctrl-C, terminated (SIGHUP, SIGINT, SIGTERM).
"""

import argparse
import contextlib
import os
import sys
import traceback
from collections.abc import Sequence
from functools import partial
from importlib import import_module

from numpy_vitmatte._version import __version__
from numpy_vitmatte.cli.messages import messages_on_stderr
from numpy_vitmatte.cli.one_line_parser import OneLineParser
from numpy_vitmatte.cli.signals import signals_raise
from numpy_vitmatte.cli.standard_output import any_name_printable, discard_output, flush_messages
from numpy_vitmatte.errors import VitMatteError, one_line

PROGRAM = "numpy-vitmatte"

COMMANDS = {
    "matte": "estimate the alpha of a photo from its trimap",
    "trimap": "make a trimap of a mask; examine and repair one",
    "batch": "matte a whole folder",
    "finetune": "train a checkpoint further on your own photos and alphas",
    "evaluate": "score a folder of alphas against the true ones",
    "demo": "matte the bundled photo",
    "download": "download a checkpoint from the Hugging Face hub",
    "convert": "convert a PyTorch checkpoint (.pth, .bin) to safetensors",
    "verify": "check a downloaded checkpoint's files and golden values",
    "warmup": "compile the kernels ahead, for example while a container is built",
    "trace": "write every layer's output, to check another implementation",
    "compare": "say at which layer two traces differ first",
    "serve": "serve matting over HTTP, with a page to use it on",
}
"""Each command and what it does. The module of the same name in this folder has its DESCRIPTION, EXAMPLES,
``add_options(parser)`` and ``run(arguments)``."""

_EXAMPLES = f"""examples:
  {PROGRAM} demo
  {PROGRAM} matte photo.jpg trimap.png -o alpha.png
"""


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands. A command's module is imported when its own parser begins to parse."""
    parser = OneLineParser(
        prog=PROGRAM,
        description="Image matting with ViTMatte on a CPU: a photo and a trimap in, the alpha out.",
        epilog=_EXAMPLES,
    )
    _add_version(parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        commands.add_parser(name, help=summary, describe=partial(_describe, name))
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
    if getattr(sys, "frozen", False):  # an application of PyInstaller's is its own workers' program
        import_module("multiprocessing").freeze_support()
    with any_name_printable():
        try:
            with signals_raise():
                try:
                    status: int | SystemExit = _run(argv)
                except SystemExit as leaving:
                    status = leaving
                sys.stdout.flush()
        except BaseException as error:
            return _explained(error)
        finally:
            flush_messages()
    if isinstance(status, SystemExit):
        raise status
    return status


def _run(argv: Sequence[str] | None) -> int:
    arguments = build_parser().parse_args(argv)
    # Not at the top: this imports Pillow, which the help of the program does without.
    from numpy_vitmatte.images.pixel_limit import MAX_PIXELS, pixel_limit

    max_pixels = getattr(arguments, "max_pixels", MAX_PIXELS)  # commands that read no photo have no such option
    with messages_on_stderr(arguments.verbosity), pixel_limit(max_pixels):
        status: int | None = arguments.run(arguments)
    return status or 0  # most commands succeed or raise, and return nothing


def _explained(error: BaseException) -> int:
    """Say in one line why the command did not succeed, and give its exit status."""
    if isinstance(error, VitMatteError):
        return _fail(2, f"error: {error}")
    if isinstance(error, MemoryError):
        return _fail(2, "error: not enough memory for a photo of this size; try --max-side 2048")
    if isinstance(error, KeyboardInterrupt):
        return _fail(getattr(error, "status", 130), str(error) or "interrupted")
    if isinstance(error, BrokenPipeError):
        discard_output(sys.stdout)  # whoever read it has gone
        return 1
    if isinstance(error, OSError):
        discard_output(sys.stdout)
        return _fail(1, f"error: {_trouble(error)}")
    if isinstance(error, Exception):
        return _fail(1, f"error: unexpected {type(error).__name__} ({_place(error)}): {error}; please report it")
    raise error


def _trouble(error: OSError) -> str:
    """Say what the system refused, with the cure where it is known."""
    try:
        os.getcwd()
    except OSError:
        return "the working directory has been deleted; change to another one"
    reason = error.strerror or str(error)
    if error.filename is None:
        return f"{reason}, while the command read its input or wrote to standard output"
    return f"{os.fsdecode(error.filename)!r}: {reason}"


def _place(error: BaseException) -> str:
    """Return file and line, which a report of the error needs."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{os.path.basename(last.filename)}, line {last.lineno}"


def _describe(name: str, parser: argparse.ArgumentParser) -> None:
    command = import_module(f"numpy_vitmatte.cli.{name}")
    parser.description, parser.epilog = command.DESCRIPTION, command.EXAMPLES
    parser.set_defaults(run=command.run)
    command.add_options(parser)
    _add_version(parser)


def _add_version(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--version", action="version", version=f"{PROGRAM} {__version__}", help="print the version and exit"
    )


def _fail(status: int, message: str) -> int:
    with contextlib.suppress(OSError):  # standard error is on a full disk as well
        print(f"{PROGRAM}: {one_line(message)}", file=sys.stderr, flush=True)
    return status
