"""One command of ``numpy-vitmatte``, run in this process: what it says, what it leaves, and how it refuses."""

import numpy as np
from PIL import Image

from numpy_vitmatte.cli import main


def run(capsys, *arguments):
    """Exit status, stdout and the lines of stderr, usage errors included.

    The first command of a test run may also say that kernels are being compiled; that line is left out.
    """
    try:
        status = main([str(argument) for argument in arguments])
    except SystemExit as leaving:
        status = leaving.code
    printed = capsys.readouterr()
    return status, printed.out, [line for line in printed.err.splitlines() if "compiling the kernels" not in line]


def assert_refused(result, message):
    """One line says what is wrong, and nothing else is said."""
    status, out, err = result
    assert (status, out, len(err)) == (2, "", 1), err
    assert err[0].startswith("numpy-vitmatte")
    assert message in err[0]


def files(folder):
    """The paths of all that lies in a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def pixels(path):
    """The levels of an image file."""
    with Image.open(path) as image:
        return np.asarray(image)
