"""Devices and types as people and libraries write them."""

import numpy as np
import pytest

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.runtime.placement import announce_float32, check_placement, is_number_type, require_cpu, type_name


@pytest.mark.parametrize("device", ["cpu", "cpu:0"])
def test_the_cpu(device):
    require_cpu(device)


@pytest.mark.parametrize("device", ["", "CPU", "gpu", "cuda:0", None, object()])
def test_anything_else(device):
    with pytest.raises(VitMatteError, match="is not there: numpy-vitmatte computes on the CPU"):
        require_cpu(device)


@pytest.mark.parametrize("dtype", [np.float16, np.dtype("float16"), "float16", "torch.float16"])
def test_one_name_for_every_spelling(dtype):
    assert type_name(dtype) == "float16"


@pytest.mark.parametrize("dtype", ["auto", "float", float, np.float32, np.dtype("float32"), "torch.float32"])
def test_what_is_computed_needs_no_warning(dtype):
    announce_float32(dtype)


@pytest.mark.parametrize("dtype", ["int8", np.uint8, "complex64", bool, None, 32, "x" * 10_000])
def test_no_floating_point(dtype):
    with pytest.raises(VitMatteError, match="dtype must be a floating-point type") as caught:
        announce_float32(dtype)
    assert len(str(caught.value)) < 400


def test_types_are_told_from_devices():
    assert all(map(is_number_type, (np.float32, np.dtype("int8"), "half", float)))
    assert not any(map(is_number_type, ("cpu", "cuda", 0)))
    check_placement("cpu", np.float32, True, None, device="cpu", dtype="float32")
