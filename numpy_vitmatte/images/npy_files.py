"""Arrays in ``.npy`` files, wherever a picture may be one."""

import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from numpy_vitmatte.errors import ImageError, one_line
from numpy_vitmatte.files.missing import no_such

NPY_MAGIC = b"\x93NUMPY"
"""The bytes that such a file begins with."""

_WHOLE = 1 << 12
"""Files of fewer bytes are read rather than mapped."""


def is_npy(source: object) -> bool:
    """Say whether a source is a path that ends in ``.npy``."""
    return isinstance(source, (str, os.PathLike)) and Path(os.fsdecode(source)).suffix.lower() == ".npy"


def read_npy(source: str | os.PathLike[str] | BinaryIO, name: str) -> NDArray[Any]:
    """Map an array of a file; its shape is known before its values take memory. A stream's array is read.

    Parameters
    ----------
    source : path or binary file
    name : str
        How errors name it.

    Returns
    -------
    array
        Read-only. Files that hold Python objects are not opened: that would run their code.

    Raises
    ------
    ImageError
        No such file, or no array of numbers.
    """
    try:
        # An empty array cannot be mapped.
        mapped = isinstance(source, (str, os.PathLike)) and os.path.getsize(source) >= _WHOLE
        return np.asarray(np.load(source, mmap_mode="r" if mapped else None, allow_pickle=False))
    except FileNotFoundError as error:
        raise ImageError(f"{name}: {no_such(error.filename)}") from None
    except IsADirectoryError:
        raise ImageError(f"{name} is a directory; expected an image file") from None
    except Exception as error:  # whatever NumPy's header parser met
        raise ImageError(f"{name} cannot be read: {one_line(error)}") from error
