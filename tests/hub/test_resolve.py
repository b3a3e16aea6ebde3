"""Where a checkpoint lies: bundled names, directories, and what is neither."""

from pathlib import Path

import pytest

from numpy_vitmatte.errors import CheckpointError
from numpy_vitmatte.hub import resolve
from numpy_vitmatte.hub.resolve import bundled_checkpoints, checkpoint_directory


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A source checkout with one checkpoint inside the package, one beside it and one under both."""
    for folder in ("package/weights/inside", "package/weights/both", "weights/beside", "weights/both", "weights/empty"):
        (tmp_path / folder).mkdir(parents=True)
        if not folder.endswith("empty"):
            (tmp_path / folder / "config.json").touch()
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(resolve, "_PACKAGE", tmp_path / "package")
    return tmp_path


def test_bundled(checkout):
    assert bundled_checkpoints() == {
        "beside": checkout / "weights/beside",
        "both": checkout / "package/weights/both",
        "inside": checkout / "package/weights/inside",
    }
    assert checkpoint_directory("beside") == checkout / "weights/beside"


def test_weights_beside_an_installed_package_are_not_ours(checkout):
    (checkout / "pyproject.toml").unlink()
    assert list(bundled_checkpoints()) == ["both", "inside"]


def test_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    assert checkpoint_directory(tmp_path) == tmp_path
    assert checkpoint_directory(str(tmp_path)) == tmp_path
    assert checkpoint_directory("mine") == Path("mine")


def test_a_bundled_name_means_the_bundled_checkpoint(checkout, monkeypatch):
    monkeypatch.chdir(checkout)
    (checkout / "inside").mkdir()
    assert checkpoint_directory("inside") == checkout / "package/weights/inside"
    assert checkpoint_directory("./inside") == Path("inside")
    assert checkpoint_directory(Path("inside")) == Path("inside")


@pytest.mark.parametrize("name", ["./hustvl/vitmatte", "insid", "", "../weights/beside"])
def test_neither(name, checkout):
    with pytest.raises(CheckpointError) as caught:
        checkpoint_directory(name)
    assert f"{name!r} is neither a bundled checkpoint (bundled: beside, both, inside) nor a directory" in str(
        caught.value
    )
    assert "nor can it be a name on the Hugging Face hub, such as" in str(caught.value)


def test_nothing_bundled(checkout, monkeypatch):
    monkeypatch.setattr(resolve, "_PACKAGE", checkout / "elsewhere/package")
    with pytest.raises(CheckpointError, match=r"\(bundled: none\)"):
        checkpoint_directory("vitmatte-tiny")


@pytest.mark.parametrize("wrong", [None, 3, "~nobody-of-this-name/weights"])
def test_no_path(wrong):
    with pytest.raises(CheckpointError, match="is no name or path of a checkpoint"):
        checkpoint_directory(wrong)


def test_file(tmp_path):
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(CheckpointError, match="is a file; a checkpoint is given by the directory that holds it"):
        checkpoint_directory(tmp_path / "model.safetensors")
