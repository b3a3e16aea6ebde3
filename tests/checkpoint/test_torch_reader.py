"""PyTorch's files: tensors read as they are, and nothing else read at all."""

import contextlib
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_files import called, pickled, tensor, write, write_tensors

from numpy_vitmatte.checkpoint.safetensors_reader import as_float32
from numpy_vitmatte.checkpoint.torch_reader import read_torch
from numpy_vitmatte.errors import CheckpointError, VitMatteError

ARRAY = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def test_contiguous_tensors(tmp_path):
    arrays = {"a": ARRAY, "half": ARRAY.astype(np.float16) / 3, "scalar": np.float32(5).reshape(())}
    write_tensors(tmp_path / "x.bin", arrays | {"steps": np.int64([7])})
    found = read_torch(tmp_path / "x.bin")
    assert list(found) == ["a", "half", "scalar", "steps"]
    for name, array in arrays.items():
        assert found[name].shape == array.shape
        np.testing.assert_array_equal(as_float32(found[name]), array.astype(np.float32))
    assert found["steps"].dtype == "I64"


def test_views_of_one_storage(tmp_path):
    """Transposed, cut and repeated."""
    parts = {
        "turned": tensor(ARRAY, "0", shape=(4, 3), strides=(1, 4)),
        "cut": tensor(ARRAY, "0", offset=5, shape=(2, 2), strides=(12, 3)),
        "repeated": tensor(ARRAY, "0", offset=2, shape=(3,), strides=(0,)),
        "empty": tensor(ARRAY, "0", shape=(0, 4), strides=(4, 1)),
    }
    write(tmp_path / "x.pth", pickled(parts), {"0": ARRAY})
    found = {name: as_float32(one) for name, one in read_torch(tmp_path / "x.pth").items()}
    np.testing.assert_array_equal(found["turned"], ARRAY[0].T)
    np.testing.assert_array_equal(found["cut"], ARRAY.reshape(-1)[5:][[[0, 3], [12, 15]]])
    np.testing.assert_array_equal(found["repeated"], [2, 2, 2])
    assert found["empty"].shape == (0, 4)


@pytest.mark.parametrize("key", ["model", "state_dict"])
def test_a_dictionary_around_the_tensors(tmp_path, key):
    write_tensors(tmp_path / "x.pth", {"a": ARRAY}, lambda described: {key: described, "iteration": 9})
    assert list(read_torch(tmp_path / "x.pth")) == ["a"]


HARMFUL = {
    "os.system": called("os", "system", "touch harm"),
    "posix.system": called("posix", "system", "touch harm"),
    "builtins.eval": called("builtins", "eval", "open('harm', 'w')"),
    "builtins.getattr": called("builtins", "getattr", {}, "keys"),
    "subprocess.Popen": called("subprocess", "Popen", ["touch", "harm"]),
    "numpy.fromfile": called("numpy", "fromfile", "x"),
    "torch.load": called("torch", "load", "x"),
    "torch.hub._x.load": called("torch.hub", "_x.load", "x"),
    "collections.namedtuple": called("collections", "namedtuple", "a", "b"),
}


@pytest.mark.parametrize("name", HARMFUL)
@pytest.mark.parametrize("place", ["alone", "among tensors", "as an argument"])
def test_what_builds_no_tensor_is_refused_by_name(tmp_path, monkeypatch, name, place):
    """Wherever it stands; nothing of it runs."""
    monkeypatch.chdir(tmp_path)
    bad = HARMFUL[name]
    content = {
        "alone": bad,
        "among tensors": {"a": tensor(ARRAY, "0"), "b": bad},
        "as an argument": {"a": called("torch._utils", "_rebuild_parameter", bad, True, {})},
    }[place]
    write("x.bin", pickled(content), {"0": ARRAY})
    with pytest.raises(CheckpointError, match=rf"its pickle asks for {name}, which builds no tensor"):
        read_torch(tmp_path / "x.bin")
    assert not (tmp_path / "harm").exists()


OPCODES = {
    "STACK_GLOBAL": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0atouch harm\x85R.",
    "INST": b"(S'touch harm'\nios\nsystem\n.",
    "OBJ": b"(cos\nsystem\nS'touch harm'\no.",
    "NEWOBJ": b"\x80\x02cos\nsystem\n)\x81.",
    "EXT1": b"\x80\x02\x82\x01.",
    "BUILD": b"\x80\x02ccollections\nOrderedDict\n)R}X\x08\x00\x00\x00__init__cos\nsystem\nsb.",
}


@pytest.mark.parametrize("opcode", OPCODES)
def test_every_way_of_calling(tmp_path, monkeypatch, opcode):
    """By whatever instruction of the pickle's language a name is reached."""
    monkeypatch.chdir(tmp_path)
    write("x.bin", OPCODES[opcode], {})
    with pytest.raises(CheckpointError, match=r"asks for os\.system|pickle is damaged"):
        read_torch(tmp_path / "x.bin")
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": tensor(ARRAY, "0", offset=1)}, "reaches beyond the 96 bytes of its storage"),
        ({"a": tensor(ARRAY, "0", shape=(10**9,), strides=(0,))}, "is larger than its storage"),
        ({"a": tensor(ARRAY, "0", shape=(2,), strides=(-1,))}, "impossible shape"),
        ({"a": tensor(ARRAY, "0", shape=(2,), strides=(1, 1))}, "impossible shape"),
        ({"a": tensor(ARRAY, "7")}, "it has no archive/data/7"),
        ({"a": tensor(ARRAY, "../0")}, "no storage of tensors"),
        ({"a": 3}, "holds no dictionary of tensors"),
        ([tensor(ARRAY, "0")], "holds no dictionary of tensors"),
        ({5: tensor(ARRAY, "0")}, "names are no text"),
    ],
)
def test_damaged_content(tmp_path, content, message):
    write(tmp_path / "x.bin", pickled(content), {"0": ARRAY})
    with pytest.raises(CheckpointError, match=message):
        read_torch(tmp_path / "x.bin")


def test_other_files(tmp_path):
    """Older pickles, archives of something else, truncated files, machines of the other byte order, compression."""
    path = tmp_path / "x.bin"
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_torch(path)
    path.write_bytes(pickle.dumps({}))
    with pytest.raises(CheckpointError, match=r"of before PyTorch 1\.6"):
        read_torch(path)
    write_tensors(path, {"a": ARRAY})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="truncated"):
        read_torch(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(CheckpointError, match=r"without a data\.pkl"):
        read_torch(path)
    write(path, pickled({"a": tensor(ARRAY, "0")}), {"0": ARRAY}, more=[("byteorder", "big")])
    with pytest.raises(CheckpointError, match="big-endian"):
        read_torch(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", pickled({"a": tensor(ARRAY, "0")}))
        archive.writestr("a/data/0", ARRAY.tobytes())
    with pytest.raises(CheckpointError, match="compressed"):
        read_torch(path)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(cuts=st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=4)), min_size=1, max_size=4))
def test_fuzzed_bytes(tmp_path_factory, cuts):
    """Bytes changed anywhere in pickle or archive: tensors, or an error of ours."""
    path = tmp_path_factory.getbasetemp() / "fuzz.bin"
    write_tensors(path, {"a": ARRAY, "b": ARRAY[0]})
    data = bytearray(path.read_bytes())
    for place, new in cuts:
        data[place % len(data) :][: len(new)] = new
        start = place % len(data)
        data[start : start + len(new)] = new
    path.write_bytes(bytes(data))
    with contextlib.suppress(VitMatteError):
        read_torch(path)


@pytest.mark.parity
def test_what_torch_itself_saves(tmp_path):
    """Tensors of several types, views, parameters, nested dictionaries."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch, of the [parity] extra")

    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    content = {
        "base": base,
        "turned": base.t(),
        "cut": base[1:3, 2:5],
        "half": base.half() / 7,
        "brain": base.bfloat16() / 7,
        "double": base.double() / 7,
        "parameter": torch.nn.Parameter(base * 2),
    }
    torch.save({"model": content, "iteration": 3}, tmp_path / "x.pth")
    found = read_torch(tmp_path / "x.pth")
    assert list(found) == list(content)
    for name, expected in content.items():
        np.testing.assert_array_equal(as_float32(found[name]), expected.detach().float().numpy())
