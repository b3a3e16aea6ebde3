"""Device and type of all computation: the CPU and float32. Requests of scripts are checked against these."""

import numpy as np

from numpy_vitmatte.errors import VitMatteError, shown, warn

_COMPUTED = ("auto", "float", "float32")
_CONVERTED = ("half", "float16", "bfloat16", "double", "float64")


def require_cpu(device: object) -> None:
    """Accept names and objects of the CPU: ``"cpu"``, ``torch.device("cpu")``.

    Raises
    ------
    VitMatteError
        For every other device.
    """
    if str(device).partition(":")[0] != "cpu":
        raise VitMatteError(
            f"device {str(device)!r} is not there: numpy-vitmatte computes on the CPU; say 'cpu', or leave it out"
        )


def announce_float32(dtype: object) -> None:
    """Accept the names and objects of floating-point types, of NumPy and of torch.

    Warns
    -----
    UserWarning
        For every type but float32: everything is computed in float32.

    Raises
    ------
    VitMatteError
        If it is not a floating-point type.
    """
    name = type_name(dtype)
    if name in _CONVERTED:
        warn(
            f"dtype {name}: weights are loaded and everything is computed in float32, whatever their type is in the "
            "file; results are float32",
            stacklevel=3,
        )
    elif name not in _COMPUTED:
        raise VitMatteError(f"dtype must be a floating-point type, such as 'float32', found {shown(dtype)}")


def type_name(dtype: object) -> str:
    """Return ``"float16"`` for ``np.float16``, ``np.dtype("float16")``, ``torch.float16`` and ``"float16"``."""
    name = dtype.__name__ if isinstance(dtype, type) else str(dtype)
    return name.removeprefix("torch.")


def is_number_type(value: object) -> bool:
    """Say whether an argument of ``.to()`` is a type of numbers, not a device."""
    if isinstance(value, (type, np.dtype)) or hasattr(value, "is_floating_point"):
        return True
    return isinstance(value, str) and value in (*_COMPUTED, *_CONVERTED)


def check_placement(*places: object, device: object = None, dtype: object = None) -> None:
    """Check the arguments of a ``.to()`` against the one device and type that there are.

    Parameters
    ----------
    *places
        Devices and types in any order, as torch takes them; truth values, which ask for no copy, are ignored.
    device, dtype
        The same by name.

    Raises
    ------
    VitMatteError
        If a device other than the CPU is asked for, or a type that is not a floating-point type.
    """
    for place in (*places, device, dtype):
        if place is None or isinstance(place, bool):
            continue
        if place is dtype or is_number_type(place):
            announce_float32(place)
        else:
            require_cpu(place)
