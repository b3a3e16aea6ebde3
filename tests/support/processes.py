"""Fresh processes that import the same package as this one, whether it is installed or lies in the current folder."""

import os
import subprocess
import sys
from pathlib import Path

import numpy_vitmatte


def child_environment(without=(), **environment):
    """Give this process's environment, some variables taken out or set, and the way to this package."""
    kept = {name: value for name, value in os.environ.items() if name not in without}
    paths = [str(Path(numpy_vitmatte.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    return kept | {"PYTHONPATH": os.pathsep.join(paths)} | environment


def run_python(*arguments, without=(), cwd=None, **environment):
    """Run Python with these arguments and environment variables, some taken out; return its standard output."""
    run = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env=child_environment(without, **environment),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout
