"""PyTorch's files: tensors read as they are, and nothing else read at all."""

import contextlib
import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest
from support.torch_files import called, pickled, tensor, write, write_tensors

from numpy_vitmatte.checkpoint.safetensors_reader import as_float32
from numpy_vitmatte.checkpoint.torch_files.reader import read_torch
from numpy_vitmatte.errors import CheckpointError

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
        "one": tensor(ARRAY, "0", offset=7, shape=(1, 1), strides=(2**40 - 1, 2**40 - 1)),
    }
    write(tmp_path / "x.pth", pickled(parts), {"0": ARRAY})
    found = {name: as_float32(one) for name, one in read_torch(tmp_path / "x.pth").items()}
    np.testing.assert_array_equal(found["turned"], ARRAY[0].T)
    np.testing.assert_array_equal(found["cut"], ARRAY.reshape(-1)[5:][[[0, 3], [12, 15]]])
    np.testing.assert_array_equal(found["repeated"], [2, 2, 2])
    assert found["empty"].shape == (0, 4)
    np.testing.assert_array_equal(found["one"], [[7]])


@pytest.mark.parametrize("key", ["model", "state_dict"])
def test_a_dictionary_around_the_tensors(tmp_path, key):
    write_tensors(tmp_path / "x.pth", {"a": ARRAY}, lambda described: {key: described, "iteration": 9})
    assert list(read_torch(tmp_path / "x.pth")) == ["a"]


def test_the_network_is_taken_and_not_what_stands_beside_it(tmp_path):
    """A trainer may write a loss that is a tensor, next to the model."""
    parts = {"loss": tensor(ARRAY, "0", shape=(), strides=()), "model": {"a": tensor(ARRAY, "0")}, "params": None}
    write(tmp_path / "x.pth", pickled(parts), {"0": ARRAY})
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


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": tensor(ARRAY, "0", offset=1)}, "tensor 'a' reaches beyond the 96 bytes of its storage"),
        ({"a": tensor(ARRAY, "0", offset=24, shape=(), strides=())}, "'a' reaches beyond the 96 bytes of its storage"),
        ({"a": tensor(ARRAY, "0", shape=(2, 2), strides=(23, 1))}, "reaches beyond the 96 bytes of its storage"),
        ({"a": tensor(ARRAY, "0", shape=(2,), strides=(2**40 - 1,))}, "reaches beyond the 96 bytes of its storage"),
        ({"a": tensor(ARRAY, "0", shape=(25,), strides=(0,))}, r"'a' of shape \(25,\) is larger than its storage"),
        ({"a": tensor(ARRAY, "0", shape=(10**9,), strides=(0,))}, "too small for its tensors, which take 4000000000"),
        ({"a": tensor(ARRAY, "7")}, "it has no 'archive/data/7'"),
        ({"a": tensor(ARRAY, "0", length=23)}, "storage 0 has 96 bytes instead of 92"),
        ({"a": tensor(ARRAY, "0", length=10**30)}, "storage 0 has 96 bytes instead of 4000"),
        ({"a": tensor(ARRAY, "0"), "b": tensor(ARRAY.astype(np.float16), "0")}, "storage 0 has 96 bytes instead of 48"),
        ({"a": 3}, "holds no dictionary of tensors, such as torch.save"),
        ([tensor(ARRAY, "0")], "holds no dictionary of tensors"),
        (tensor(ARRAY, "0"), "holds no dictionary of tensors"),
        ({"model": {"model": {"model": {"model": {"model": {"a": 0}}}}}}, "holds no dictionary of tensors"),
        ({5: tensor(ARRAY, "0")}, "has a tensor of the name 5, which is no line of text"),
        ({"a\nb": tensor(ARRAY, "0")}, r"has a tensor of the name 'a\\nb', which is no line of text"),
        ({"\ud800": tensor(ARRAY, "0")}, r"has a tensor of the name '\\ud800', which is no line of text"),
        ({"a" * 201: tensor(ARRAY, "0")}, r"has a tensor of the name 'a{99}, which is no line of text"),
    ],
)  # fmt: skip
def test_content_that_is_no_networks(tmp_path, content, message):
    """Views that reach beyond their storage, storages of other lengths, sizes that the file cannot have, odd names."""
    write(tmp_path / "x.bin", pickled(content), {"0": ARRAY})
    with pytest.raises(CheckpointError, match=message) as refusal:
        read_torch(tmp_path / "x.bin")
    assert "\n" not in str(refusal.value)


def test_a_dictionary_that_holds_itself(tmp_path):
    content = {}
    content["model"] = content
    write(tmp_path / "x.bin", pickled(content), {})
    with pytest.raises(CheckpointError, match="holds no dictionary of tensors"):
        read_torch(tmp_path / "x.bin")


def test_older_pickles_and_other_files(tmp_path):
    path = tmp_path / "x.bin"
    with pytest.raises(CheckpointError, match=r"x\.bin cannot be read: .*No such file"):
        read_torch(path)
    path.write_bytes(pickle.dumps({}))
    with pytest.raises(CheckpointError, match=r"is a pickle of before PyTorch 1\.6.* newer PyTorch"):
        read_torch(path)
    write(path, pickled({}), {}, more=[("byteorder", "big")])
    with pytest.raises(CheckpointError, match="written on a big-endian machine"):
        read_torch(path)
    write(path, pickled({"a": tensor(ARRAY, "0")}), {"0": ARRAY}, more=[("byteorder", "little")])
    assert list(read_torch(path)) == ["a"]
    write(path, b"." * 1_000_001, {})
    with pytest.raises(CheckpointError, match=r"data\.pkl of 1000001 bytes is too long to describe tensors; save the"):
        read_torch(path)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (["readme.txt"], r"is a zip archive with 0 data\.pkl, where torch.save writes one"),
        (["data.pkl"], r"is a zip archive with 0 data\.pkl"),
        (["a/b/data.pkl"], r"is a zip archive with 0 data\.pkl"),
        (["a/data.pkl", "b/data.pkl"], r"is a zip archive with 2 data\.pkl"),
        (["/data.pkl"], r"has a member '/data\.pkl', outside the one folder"),
        (["../data.pkl"], r"has a member '\.\./data\.pkl', outside the one folder"),
        (["a/data.pkl", "a/../../b"], r"has a member 'a/\.\./\.\./b', outside the one folder"),
        (["a/data.pkl", "/etc/passwd"], r"has a member '/etc/passwd', outside the one folder that torch\.save writes"),
        (["a/data.pkl", "a\nb"], r"has a member 'a\\nb', outside the one folder"),
    ],
)
def test_members_of_other_names(tmp_path, members, message):
    with zipfile.ZipFile(tmp_path / "x.bin", "w") as archive:
        for name in members:
            archive.writestr(name, pickled({}))
    with pytest.raises(CheckpointError, match=message):
        read_torch(tmp_path / "x.bin")


def test_no_more_memory_than_a_few_times_the_file(tmp_path):
    """A sound file with its tensors' bytes, one of them turned; and one whose tensors share a storage 90 times."""
    array = np.zeros((512, 1024), np.float32)
    write_tensors(tmp_path / "x.bin", {"a": array, "b": array})
    shared = {str(i): tensor(array, "0", shape=(1024, 512), strides=(1, 1024)) for i in range(90)}
    write(tmp_path / "shared.bin", pickled(shared), {"0": array})
    for name, refused in (("x.bin", False), ("shared.bin", True)):
        tracemalloc.start()
        try:
            with pytest.raises(CheckpointError, match="too small") if refused else contextlib.nullcontext():
                read_torch(tmp_path / name)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 4 * array.nbytes


@pytest.mark.parity
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_what_torch_itself_saves(tmp_path, protocol):
    """Tensors of several types, views, parameters, nested dictionaries."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch, of the [parity] extra")

    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    content = {
        "base": base,
        "turned": base.t(),
        "cut": base[1:3, 2:5],
        "tied": base,
        "half": base.half() / 7,
        "brain": base.bfloat16() / 7,
        "double": base.double() / 7,
        "parameter": torch.nn.Parameter(base * 2),
        "scalar": torch.tensor(3.5),
        "empty": torch.empty(0, 3),
    }
    beside = {"iteration": 3, "best": 0.5, "epoch": None, "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}}}
    torch.save({"model": content, **beside}, tmp_path / "x.pth", pickle_protocol=protocol)
    found = read_torch(tmp_path / "x.pth")
    assert list(found) == list(content)
    for name, expected in content.items():
        np.testing.assert_array_equal(as_float32(found[name]), expected.detach().float().numpy())


@pytest.mark.parity
def test_a_state_dict_with_tied_and_frozen_parameters(tmp_path):
    """An ordered dictionary that carries _metadata, whose tensors share a storage."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch, of the [parity] extra")
    one, other = torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)
    other.weight = one.weight
    one.bias.requires_grad_(False)
    model = torch.nn.Sequential(one, other, torch.nn.BatchNorm1d(3)).half()
    for state in (model.state_dict(), dict(model.named_parameters())):
        torch.save({"state_dict": state}, tmp_path / "x.pth")
        found = read_torch(tmp_path / "x.pth")
        assert list(found) == list(state)
        for name in set(state) - {"2.num_batches_tracked"}:
            np.testing.assert_array_equal(as_float32(found[name]), state[name].detach().float().numpy())
            assert found[name].dtype == "F16"


@pytest.mark.parity
def test_what_torch_saves_and_is_not_read(tmp_path):
    """Whole modules, values that are to be negated, tensors that repeat their items far beyond the file's size."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch, of the [parity] extra")
    negated = torch.view_as_complex(torch.ones(3, 2)).conj().imag
    assert negated.is_neg()
    for content, message in (
        (torch.nn.Linear(2, 2), r"asks for torch\.nn\.modules\.linear\.Linear, which builds no tensor"),
        ({"a": torch.ones(2, dtype=torch.complex64)}, r"asks for torch\.ComplexFloatStorage, which builds no tensor"),
        ({"a": negated}, "_rebuild_tensor_v2 is called with other arguments than torch.save writes"),
        ({"a": torch.ones(1).expand(10_000)}, "too small for its tensors, which take 40000"),
    ):
        torch.save(content, tmp_path / "x.pth")
        with pytest.raises(CheckpointError, match=message):
            read_torch(tmp_path / "x.pth")
