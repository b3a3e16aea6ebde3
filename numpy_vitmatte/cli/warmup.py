"""``numpy-vitmatte warmup``: compile the kernels ahead of their use."""

import argparse

from numpy_vitmatte.cli.options import add_verbosity_options, set_threads
from numpy_vitmatte.pipeline.warmup import warmup
from numpy_vitmatte.runtime.kernel_cache import kernel_cache_folder

DESCRIPTION = """Compile every kernel for this processor and keep the machine code, so that no later process waits for
it: the last step of a container's build, or the first step after an installation. NUMBA_CACHE_DIR names the folder of
the code, which is the user's cache folder by default. The number of kernels compiled and the folder go to stdout."""

EXAMPLES = """examples:
  numpy-vitmatte warmup
  NUMBA_CACHE_DIR=/opt/kernels numpy-vitmatte warmup
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    add_verbosity_options(parser)


def run(arguments: argparse.Namespace) -> None:
    """Compile, and print how many kernels were compiled and where they are kept."""
    set_threads(1)
    compiled = warmup()
    folder = kernel_cache_folder()
    print(f"{compiled} kernels compiled, {f'kept in {folder}' if folder else 'not kept: no folder is writable'}")
