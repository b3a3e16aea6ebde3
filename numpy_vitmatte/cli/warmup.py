"""``numpy-vitmatte warmup``: compile the kernels ahead."""

import argparse
from typing import Any

from numpy_vitmatte.cli.options import add_loudness_options, set_threads
from numpy_vitmatte.pipeline.warmup import warmup
from numpy_vitmatte.runtime.kernel_cache import kernel_cache_folder

_DESCRIPTION = """Compile every kernel for this processor and keep the machine code, so that no later process waits for
it: the last step of a container's build, or the first thing after an installation. NUMBA_CACHE_DIR says where the code
is kept, by default the user's cache folder. The number of kernels compiled and the folder go to stdout."""

_EXAMPLES = """examples:
  numpy-vitmatte warmup
  NUMBA_CACHE_DIR=/opt/kernels numpy-vitmatte warmup
"""


def add_command(commands: Any) -> None:
    """Describe the command and its options."""
    parser = commands.add_parser(
        "warmup",
        help="compile the kernels ahead, for example while a container is built",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_loudness_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Compile, and say what and where to."""
    set_threads(1)
    compiled = warmup()
    folder = kernel_cache_folder()
    print(f"{compiled} kernels compiled, {f'kept in {folder}' if folder else 'kept nowhere: no folder is writable'}")
