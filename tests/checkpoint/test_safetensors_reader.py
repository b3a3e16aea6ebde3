"""The safetensors reader: every stored type, and every way a file can be damaged."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save
from support.safetensors_files import file_bytes, stored_as, tensors_bytes

from numpy_vitmatte.checkpoint.safetensors_reader import as_float32, read_safetensors
from numpy_vitmatte.errors import CheckpointError

VALUES = np.array([[0, -0.0, 1.5, -2.75], [65504, 2.0**-14, 3e-5, np.inf]], np.float32)


@pytest.mark.parametrize("padding", range(4))
@pytest.mark.parametrize("dtype", ["F32", "F16", "F64"])
def test_stored_types(dtype, padding, tmp_path):
    # The header's padding moves the tensors off the boundaries their type would have in memory.
    pair = stored_as(dtype, VALUES)
    (tmp_path / "a").write_bytes(tensors_bytes({"x": pair}, padding))
    read = as_float32(read_safetensors(tmp_path / "a")["x"])
    np.testing.assert_array_equal(read, pair[1].astype(np.float32), strict=True)
    assert read.flags.aligned
    assert read.flags.c_contiguous
    assert not read.flags.writeable


def test_bfloat16(tmp_path):
    # 1.0, -2.0, the nearest to 3.14159 (0x4049), the smallest subnormal, infinity: patterns from the definition
    patterns = np.array([0x3F80, 0xC000, 0x4049, 0x0001, 0x7F80], "<u2")
    (tmp_path / "a").write_bytes(tensors_bytes({"x": ("BF16", patterns)}, padding=1))
    read = as_float32(read_safetensors(tmp_path / "a")["x"])
    np.testing.assert_array_equal(read, np.array([1, -2, 3.140625, 2.0**-133, np.inf], np.float32), strict=True)


@pytest.mark.parity
def test_bfloat16_as_torch_writes_it(tmp_path):
    torch = pytest.importorskip("torch", reason="compares with torch, of the [parity] extra")
    from safetensors.torch import save_file

    tensors = {name: torch.randn(7, 5).to(getattr(torch, name)) for name in ("bfloat16", "float16", "float64")}
    save_file(tensors, tmp_path / "a")
    for name, stored in read_safetensors(tmp_path / "a").items():
        np.testing.assert_array_equal(as_float32(stored), tensors[name].float().numpy(), strict=True)


def test_float64_beyond_float32_is_infinite(tmp_path):
    (tmp_path / "a").write_bytes(tensors_bytes({"x": ("F64", np.array([1e300, -1e300]))}))
    np.testing.assert_array_equal(as_float32(read_safetensors(tmp_path / "a")["x"]), np.float32([np.inf, -np.inf]))


def test_integers_are_no_float32(tmp_path):
    (tmp_path / "a").write_bytes(tensors_bytes({"x": ("I64", np.arange(3))}))
    with pytest.raises(TypeError, match="I64"):
        as_float32(read_safetensors(tmp_path / "a")["x"])


arrays = hnp.arrays(
    st.sampled_from([np.float32, np.float16, np.float64]),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    elements=st.floats(width=16),
)


names = st.text(max_size=200).filter(str.isprintable).filter("__metadata__".__ne__)


# safetensors 0.4.3 writes a broken header where there are metadata and no tensors, hence at least one.
@given(st.dictionaries(names, arrays, min_size=1))
def test_reads_what_safetensors_writes(tmp_path_factory, tensors):
    path = tmp_path_factory.mktemp("written") / "a"
    path.write_bytes(save(tensors, metadata={"format": "pt"}))
    found = read_safetensors(path)
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(as_float32(found[name]), tensor.astype(np.float32), strict=True)


def entry(begin, end, shape=(1,), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


ENTRY = b'"dtype": "F32", "shape": [1], "data_offsets": [0, 4]'
DEFECT = "is damaged or cut off at "  # then the package's own words, which change from version to version

LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 103294572\n"

DAMAGED = {
    "empty": (b"", "is cut off: it has 0 bytes and no header"),
    "half a length": (b"\1\0\0\0", "is cut off: it has 4 bytes and no header"),
    "half a header": (file_bytes({"x": entry(0, 4)}, b"1234")[:20], "is cut off: its header ends at byte"),
    "half the data": (file_bytes({"x": entry(0, 400, [100])}, b"12"), "is damaged or cut off at 75 bytes: "),
    "too much data": (file_bytes({"x": entry(0, 4)}, b"12345"), "is damaged or cut off at 74 bytes: "),
    "absurd length": (b"\xff" * 40, "promise a header of 18446744073709551615 bytes"),
    "git lfs": (
        LFS_POINTER,
        "is no safetensors file: its first eight bytes promise a header of 2336927755350992246 byte",
    ),
    "git lfs hint": (LFS_POINTER, "It is a Git LFS pointer in place of the weights: run 'git lfs pull'"),
    "zip": (b"PK\x03\x04" + b"\x14\0\0\0" * 9, "It is a zip archive, as torch.save writes"),
    "pickle": (b"\x80\x02}q\x00(X\x08\x00\x00\x00", "It is a pickle"),
    "web page": (b"<!DOCTYPE html><html>", "It is a web page: download the file itself"),
    "long header": (b"\x41\x42\x0f\0\0\0\0\0" + b" " * 1_000_001, "promise a header of 1000001 bytes"),
    "no JSON": (file_bytes(b"{x}"), DEFECT),
    "no UTF-8": (file_bytes(b'{"\xff": 1}'), DEFECT),
    "too deep": (file_bytes(b"[" * 100_000), DEFECT),
    "keys too deep": (file_bytes(b'{"x": {' + ENTRY + b', "more": ' + 100 * b"[" + 100 * b"]" + b"}}", b"1234"),
                      "its header is nested too deeply"),
    "no object": (file_bytes([1]), DEFECT),
    "twice": (file_bytes(b'{"x": {' + ENTRY + b'}, "x": {' + ENTRY + b"}}", b"1234"), "'x' stands there twice"),
    "no entry": (file_bytes({"x": 3}), DEFECT),
    "an entry that is a list": (file_bytes({"x": ["F32", [1], [0, 4]]}, b"1234"), "tensor 'x' is described by ['F32'"),
    "no shape": (file_bytes({"x": {"dtype": "F32", "data_offsets": [0, 4]}}), DEFECT),
    "one offset": (file_bytes({"x": entry(0, 4) | {"data_offsets": [0]}}), DEFECT),
    "unknown type": (file_bytes({"x": entry(0, 4, dtype="X4")}, b"1234"), DEFECT),
    "type no text": (file_bytes({"x": entry(0, 4, dtype=[])}, b"1234"), DEFECT),
    "negative": (file_bytes({"x": entry(0, 4, [-1])}, b"1234"), DEFECT),
    "no integer": (file_bytes({"x": entry(0, 4, [1.0])}, b"1234"), DEFECT),
    "offsets no integers": (file_bytes({"x": entry(False, 4)}, b"1234"), DEFECT),
    "shape and bytes": (file_bytes({"x": entry(0, 8, [3])}, b"12345678"), DEFECT),
    "backwards": (file_bytes({"x": entry(4, 0)}, b"1234"), DEFECT),
    "overlap": (file_bytes({"x": entry(0, 4), "y": entry(2, 6)}, b"123456"), DEFECT),
    "gap": (file_bytes({"x": entry(0, 4), "y": entry(6, 10)}, b"1234567890"), DEFECT),
    "gap in front": (file_bytes({"x": entry(4, 8)}, b"12345678"), DEFECT),
    "huge and empty": (file_bytes({"x": entry(0, 0, [2**62, 0])}), "tensor 'x' has the impossible shape (46116860184"),
    "large, large and empty": (file_bytes({"x": entry(0, 0, [0, 2**40, 2**40])}), "has the impossible shape (0"),
    "many nines": (file_bytes({"x": entry(0, 4, [9] * 300_000)}, b"1234"), DEFECT),
    "a zero and many nines": (file_bytes({"x": entry(0, 0, [0] + [9] * 300_000)}), "impossible shape (0, 9, 9"),
    "thousands of digits": (
        file_bytes(b'{"x": {' + ENTRY + b', "more": [' + b"9" * 300 + b"]}}", b"1234"), "an integer of 300 digits"
    ),
    "a name for the terminal": (file_bytes({"\x1b[31m": entry(0, 4)}, b"1234"), "the name '\\x1b[31m', which"),
    "a name without an end": (file_bytes({"a" * 100_000: entry(0, 4)}, b"1234"), "which is no line of text"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged(name, tmp_path):
    content, message = DAMAGED[name]
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        read_safetensors(tmp_path / "file")
    assert str(caught.value).startswith(str(tmp_path / "file"))
    assert message in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


def test_unreadable(tmp_path):
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_safetensors(tmp_path / "absent")
    with pytest.raises(CheckpointError, match=r"cannot be read|cut off"):
        read_safetensors(tmp_path)


@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=4))
def test_no_damage_gives_another_error(tmp_path_factory, position, damage):
    content = tensors_bytes({"x": ("F32", VALUES), "y": ("I64", np.array(3))})
    position %= len(content)
    path = tmp_path_factory.mktemp("damaged") / "a"
    path.write_bytes(content[:position] + damage + content[position + len(damage) :])
    try:
        found = read_safetensors(path)
    except CheckpointError:
        return
    assert all(tensor.data.size >= 0 for tensor in found.values())


@pytest.mark.parametrize("length", [0, 1, 7, 8, 50, 130, 168, 169])
def test_every_cut_is_noticed(length, tmp_path):
    content = tensors_bytes({"x": ("F32", VALUES), "y": ("I64", np.array(3))})
    assert len(content) > 169
    (tmp_path / "a").write_bytes(content[:length])
    with pytest.raises(CheckpointError, match="cut off"):
        read_safetensors(tmp_path / "a")


def test_a_name_that_repeats_among_thousands(tmp_path):
    """Found while reading, not by comparing every name with every other: ten thousand names took minutes."""
    names = [str(number) for number in range(10_000)]
    entries = ", ".join(
        f'"{name}": {{"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}' for name in [*names, names[-1]]
    )
    (tmp_path / "a").write_bytes(file_bytes(f"{{{entries}}}".encode()))
    with pytest.raises(CheckpointError, match="'9999' stands there twice"):
        read_safetensors(tmp_path / "a")
