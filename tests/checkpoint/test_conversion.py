"""Conversion of the authors' checkpoints: names, configuration, and the same alphas to the bit."""

import re
from pathlib import Path

import numpy as np
import pytest
from support.torch_files import called, pickled, write, write_tensors

from numpy_vitmatte import (
    CheckpointError,
    VitMatteConfig,
    VitMatteError,
    VitMatteForImageMatting,
    VitMatteImageProcessor,
)
from numpy_vitmatte.checkpoint import conversion
from numpy_vitmatte.checkpoint.conversion import convert
from numpy_vitmatte.checkpoint.hustvl_names import configuration_of, hugging_face_names
from numpy_vitmatte.checkpoint.safetensors_reader import StoredTensor
from numpy_vitmatte.checkpoint.tensor_shapes import parameter_shapes
from numpy_vitmatte.checkpoint.weights import read_tensors
from numpy_vitmatte.cli import main
from numpy_vitmatte.hub.resolve import bundled_checkpoints
from numpy_vitmatte.testing import random_checkpoint, random_pixels, tiny_config

CONFIG = tiny_config()

TO_AUTHORS = (
    ("backbone.embeddings.position_embeddings", "backbone.pos_embed"),
    ("backbone.embeddings.projection", "backbone.patch_embed.proj"),
    ("backbone.encoder.layer.", "backbone.blocks."),
    (".attention.", ".attn."),
    ("decoder.fusion_blocks.", "decoder.fusion_blks."),
    (".batch_norm.", ".bn."),
)


def under_the_authors_names(tensors):
    """As detectron2 saves the network: the table of ``convert_vitmatte_to_hf.py`` read backwards."""
    renamed = {}
    for name, tensor in tensors.items():
        for ours, theirs in TO_AUTHORS:
            name = name.replace(ours, theirs)
        renamed[name] = tensor
    return renamed | {"pixel_mean": np.zeros((3, 1, 1), np.float32)}


@pytest.fixture(scope="module")
def tensors():
    return random_checkpoint(CONFIG, seed=6)


def test_names_go_there_and_back(tensors):
    stored = {name: StoredTensor("F32", t.shape, np.empty(0)) for name, t in under_the_authors_names(tensors).items()}
    assert "backbone.blocks.0.attn.qkv.weight" in stored
    assert "decoder.fusion_blks.0.conv.bn.weight" in stored
    assert list(hugging_face_names(stored)) == list(tensors)


def test_configuration_of_the_published_sizes():
    """S and B, from shapes alone."""
    small = VitMatteConfig().to_dict()
    backbone = small["backbone_config"] | {"hidden_size": 768, "num_attention_heads": 12}
    wide = VitMatteConfig.from_dict(small | {"hidden_size": 768, "backbone_config": backbone})
    for config in (VitMatteConfig(), wide):
        shapes = parameter_shapes(config)
        found = configuration_of({name: StoredTensor("F32", shape, np.empty(0)) for name, shape in shapes.items()})
        assert parameter_shapes(found) == shapes
        assert found.backbone_config.num_attention_heads == config.backbone_config.num_attention_heads
        assert found.backbone_config.window_block_indices == config.backbone_config.window_block_indices
        assert found.backbone_config.window_size == 14


def test_a_network_trained_on_pictures_that_are_not_square():
    shapes = parameter_shapes(tiny_config(image_size=(96, 128)))
    found = configuration_of({name: StoredTensor("F32", shape, np.empty(0)) for name, shape in shapes.items()})
    assert found.backbone_config.image_size == (96, 128)
    assert parameter_shapes(found) == shapes


@pytest.mark.parametrize("wrapped", [True, False])
def test_alphas_are_the_same_to_the_bit(tmp_path, tensors, wrapped):
    wrap = (lambda described: {"model": described}) if wrapped else (lambda described: described)
    write_tensors(tmp_path / "authors.pth", under_the_authors_names(tensors), wrap)
    convert(tmp_path / "authors.pth", tmp_path / "out")
    pixels = random_pixels(1, 4, 64, 96, seed=0)
    converted = VitMatteForImageMatting.from_pretrained(tmp_path / "out")
    expected = VitMatteForImageMatting(CONFIG, tensors)(pixels).alphas
    np.testing.assert_array_equal(converted(pixels).alphas, expected)
    assert VitMatteImageProcessor.from_pretrained(tmp_path / "out").image_mean == (0.5, 0.5, 0.5)


def test_a_directory_with_a_pytorch_model_bin_loads(tmp_path, tensors):
    """Without safetensors beside it, through the same reader."""
    CONFIG.save_pretrained(tmp_path)
    write_tensors(tmp_path / "pytorch_model.bin", tensors)
    pixels = random_pixels(1, 4, 64, 64, seed=1)
    expected = VitMatteForImageMatting(CONFIG, tensors)(pixels).alphas
    np.testing.assert_array_equal(VitMatteForImageMatting.from_pretrained(tmp_path)(pixels).alphas, expected)


def test_the_projects_own_weights_come_back(tmp_path):
    """Saved as a .pth under the authors' names: the same tensors and the same network."""
    directory = bundled_checkpoints()["vitmatte-tiny"]
    config = VitMatteConfig.from_pretrained(directory)
    tensors = read_tensors(directory, config)
    write_tensors(tmp_path / "tiny.pth", under_the_authors_names(tensors))
    found = convert(tmp_path / "tiny.pth", tmp_path / "out")
    for network in (found, VitMatteConfig.from_pretrained(tmp_path / "out")):
        assert network.backbone_config.window_block_indices == config.backbone_config.window_block_indices
        assert network.backbone_config.residual_block_indices == config.backbone_config.residual_block_indices
        assert network.backbone_config.num_attention_heads == config.backbone_config.num_attention_heads
        assert network.backbone_config.window_size == config.backbone_config.window_size
        assert network.backbone_config.image_size == config.backbone_config.image_size
    again = read_tensors(tmp_path / "out", found)
    assert list(again) == list(tensors)
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(again[name], tensor)


# The output ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch, tensors):
    """The current folder, with a file to convert."""
    monkeypatch.chdir(tmp_path)
    write_tensors("authors.pth", under_the_authors_names(tensors))
    return tmp_path


def everything(folder):
    return {path.relative_to(folder).as_posix(): path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def test_command(folder, capsys):
    """The path goes to stdout; an existing directory is kept without --force."""
    assert main(["convert", "authors.pth", "out"]) == 0
    assert capsys.readouterr().out == "out\n"
    assert main(["convert", "authors.pth", "out"]) == 2
    assert "output 'out' exists already; choose another name, or add --force" in capsys.readouterr().err
    assert main(["convert", "authors.pth", "out", "--force"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["authors.pth", "out"]


def test_force_replaces_a_checkpoint_whole(folder):
    other = VitMatteForImageMatting.from_config(CONFIG)
    other.save_pretrained("out")
    convert("authors.pth", "out", force=True)
    assert sorted(path.name for path in (folder / "out").iterdir()) == [
        "config.json", "model.safetensors", "preprocessor_config.json"
    ]  # fmt: skip
    converted = everything(folder / "out")
    convert("authors.pth", "new")
    assert everything(folder / "new") == converted


def test_an_empty_folder_needs_force_too(folder):
    (folder / "out").mkdir()
    with pytest.raises(CheckpointError, match="exists already"):
        convert("authors.pth", "out")
    convert("authors.pth", "out/", force=True)
    assert len(list((folder / "out").iterdir())) == 3


def test_folders_on_the_way_are_made(folder):
    convert("authors.pth", "a/b/out")
    assert [path.name for path in (folder / "a" / "b").iterdir()] == ["out"]


def test_a_name_as_long_as_the_file_system_allows(folder):
    convert("authors.pth", "o" * 255)
    convert("authors.pth", "o" * 255, force=True)
    with pytest.raises(CheckpointError, match=r"^output 'o{256}' cannot be written: .*too long"):
        convert("authors.pth", "o" * 256)


def checkpoint_with(name, kind):
    """A folder of the name out that holds a checkpoint and something of another name or kind."""

    def prepare(folder):
        VitMatteForImageMatting.from_config(CONFIG).save_pretrained(folder / "out")
        place = folder / "out" / name
        place.unlink(missing_ok=True)
        if kind == "link":
            place.symlink_to(folder / "authors.pth")
        elif kind == "folder":
            place.mkdir()
            (place / "photo.jpg").write_bytes(b"mine")
        else:
            place.write_bytes(b"mine")

    return prepare


def lone_config(folder):
    (folder / "out").mkdir()
    (folder / "out" / "config.json").write_text("{}")


def link_to_a_checkpoint(folder):
    VitMatteForImageMatting.from_config(CONFIG).save_pretrained(folder / "real")
    (folder / "out").symlink_to("real", target_is_directory=True)


ONLY = "and --force replaces nothing but a checkpoint; choose another name"
NOT_REPLACED = {
    "a file of another name": ("out", checkpoint_with("thesis.tex", "file"), f"holds 'thesis.tex', {ONLY}"),
    "a hidden file": ("out", checkpoint_with(".git", "folder"), f"holds '.git', {ONLY}"),
    "the file itself": ("out", checkpoint_with("pytorch_model.bin", "file"), f"holds 'pytorch_model.bin', {ONLY}"),
    "a folder of a known name": ("out", checkpoint_with("config.json", "folder"), f"holds 'config.json', {ONLY}"),
    "a link of a known name": ("out", checkpoint_with("config.json", "link"), f"holds 'config.json', {ONLY}"),
    "a config.json without weights": ("out", lone_config, f"holds 'config.json', {ONLY}"),
    "a file": ("authors.pth", lambda folder: None, "is a file; choose the name of a folder"),
    "a link to a checkpoint": ("out", link_to_a_checkpoint, "is a link; choose the name of a folder"),
    "a link to nowhere": ("out", lambda folder: (folder / "out").symlink_to("no"), "is a link; choose the name"),
    "a link to a file": ("out", lambda folder: (folder / "out").symlink_to("authors.pth"), "is a link; choose"),
    "the current folder": (".", lambda folder: None, "is or holds the current folder; choose another name"),
    "no name": ("", lambda folder: None, "is or holds the current folder; choose another name"),
    "the root": ("/", lambda folder: None, "is or holds the current folder; choose another name"),
    "the folder above": ("..", lambda folder: None, "must end in the name of a folder"),
    "above a folder that is not": ("no/..", lambda folder: None, "must end in the name of a folder"),
    "within a file": ("authors.pth/out", lambda folder: None, "cannot be written: "),
}  # fmt: skip


@pytest.mark.parametrize("kind", NOT_REPLACED)
def test_force_touches_nothing_else(folder, kind):
    output, prepare, message = NOT_REPLACED[kind]
    prepare(folder)
    before = everything(folder)
    with pytest.raises(CheckpointError) as refusal:
        convert("authors.pth", output, force=True)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert everything(folder) == before


def test_a_former_checkpoint_in_the_current_folder(folder, monkeypatch, tmp_path):
    """Replacing it would leave the shell in a folder that is no more."""
    convert("authors.pth", "out")
    monkeypatch.chdir(folder / "out")
    before = everything(folder)
    for output in (".", "../out", str(folder / "out")):
        with pytest.raises(CheckpointError, match="is or holds the current folder"):
            convert("../authors.pth", output, force=True)
    assert everything(folder) == before


def fail(monkeypatch, method, when):
    """Let a method of paths fail for those that a condition picks."""
    original = getattr(Path, method)

    def failing(path, *arguments, **options):
        if when(path):
            raise OSError(28, "No space left on device")
        return original(path, *arguments, **options)

    monkeypatch.setattr(Path, method, failing)


@pytest.mark.parametrize(
    ("method", "when"),
    [
        ("rename", lambda path: path.name == "out"),
        ("rename", lambda path: path.name.endswith(".partial")),
        ("write_bytes", lambda path: True),
    ],
)
def test_the_old_one_stands_again_when_the_new_one_fails(folder, monkeypatch, method, when):
    VitMatteForImageMatting.from_config(CONFIG).save_pretrained("out")
    before = everything(folder)
    fail(monkeypatch, method, when)
    with pytest.raises(CheckpointError, match=r"cannot be written: .*No space left"):
        convert("authors.pth", "out", force=True)
    assert everything(folder) == before


def test_so_it_does_when_the_user_interrupts(folder, monkeypatch):
    VitMatteForImageMatting.from_config(CONFIG).save_pretrained("out")
    before = everything(folder)
    original = Path.rename

    def interrupted(path, target):
        if target.name == "out" and not path.name.endswith(".old"):
            raise KeyboardInterrupt
        return original(path, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        convert("authors.pth", "out", force=True)
    assert everything(folder) == before


def during_the_work(monkeypatch, action):
    """Do something just before the directory is put in its place."""
    write = conversion.write_checkpoint

    def writing(*arguments):
        write(*arguments)
        action()

    monkeypatch.setattr(conversion, "write_checkpoint", writing)


@pytest.mark.parametrize("force", [True, False])
def test_what_comes_there_meanwhile_stays(folder, monkeypatch, force):
    during_the_work(monkeypatch, lambda: (folder / "out").write_bytes(b"mine"))
    with pytest.raises(CheckpointError, match="is a file" if force else "exists already"):
        convert("authors.pth", "out", force)
    assert sorted(everything(folder)) == ["authors.pth", "out"]
    assert (folder / "out").is_file()


def test_a_file_that_comes_at_the_last_moment_is_left_and_named(folder, monkeypatch):
    convert("authors.pth", "out")
    original = Path.rename

    def renamed(path, target):
        if path.name == "out":
            (path / "thesis.tex").write_text("mine")
        return original(path, target)

    monkeypatch.setattr(Path, "rename", renamed)
    with pytest.raises(
        CheckpointError, match=r"'out' is written, but what stood there is left as '\.out-\w+-\w+\.partial\.old"
    ):
        convert("authors.pth", "out", force=True)
    (left,) = folder.glob(".out-*")
    assert everything(left) == {"thesis.tex": b"mine"}
    assert len(everything(folder / "out")) == 3


# The file ------------------------------------------------------------------------------------------------------------


def test_a_malicious_file_leaves_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("bad.pth", pickled({"a": called("os", "system", "touch harm")}), {})
    assert main(["convert", "bad.pth", "out"]) == 2
    message = capsys.readouterr().err
    assert "its pickle asks for os.system" in message
    assert message.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["bad.pth"]


def test_a_malicious_pytorch_model_bin_is_not_run(tmp_path, monkeypatch):
    """The other way to the same reader: a directory, or what was downloaded from the hub."""
    monkeypatch.chdir(tmp_path)
    CONFIG.save_pretrained("model")
    write("model/pytorch_model.bin", pickled({"a": called("os", "system", "touch harm")}), {})
    with pytest.raises(CheckpointError, match=r"its pickle asks for os\.system"):
        VitMatteForImageMatting.from_pretrained("./model")
    assert not (tmp_path / "harm").exists()


def test_files_of_other_networks(tmp_path, tensors):
    write_tensors(tmp_path / "x.pth", {"weight": np.ones((3, 3), np.float32)})
    with pytest.raises(CheckpointError, match="not those of a ViTMatte"):
        convert(tmp_path / "x.pth", tmp_path / "out")
    short = under_the_authors_names(tensors)
    del short["decoder.matting_head.matting_convs.3.bias"]
    write_tensors(tmp_path / "x.pth", short)
    with pytest.raises(CheckpointError, match=r"lacks 1 tensors of its network, such as 'decoder\.matting_head"):
        convert(tmp_path / "x.pth", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def other(tensors, **changes):
    """The authors' file with some tensors of other shapes or types, or more of them, or without (None)."""
    changed = under_the_authors_names(tensors) | changes
    return {name: tensor for name, tensor in changed.items() if tensor is not None}


BACKBONE = "not those of a ViTMatte: its patch embedding, positions, MLP or relative positions are missing or misshapen"
TABLE = "backbone.blocks.{}.attn.rel_pos_h"
WRONG = {
    "a tensor more": ({"decoder.more.weight": np.zeros(2)}, "has 1 tensors that its network has no place for, such as"),
    "an optimizer's": ({"exp_avg": np.zeros(2)}, "no place for, such as 'exp_avg'"),
    "two of one name": (
        {"module.backbone.pos_embed": np.zeros(2)},
        "two tensors of the file stand for 'backbone.embeddings.position_embeddings'; it must hold one network",
    ),
    "whole numbers": (
        {"backbone.patch_embed.proj.bias": np.zeros(8, np.int64)},
        "tensor 'backbone.embeddings.projection.bias' is of type I64, where floating point is needed",
    ),
    "no number": ({"backbone.patch_embed.proj.bias": np.full(18, np.nan)}, "not finite"),
    "another shape": ({"backbone.patch_embed.proj.bias": np.zeros(7)}, "projection.bias is (7,), expected (18,)"),
    "no positions": ({"backbone.pos_embed": None}, BACKBONE),
    "positions for nothing": ({"backbone.pos_embed": np.zeros((1, 0, 32))}, "with 0 positions is no ViTMatte's"),
    "positions for a class alone": ({"backbone.pos_embed": np.zeros((1, 1, 32))}, "with 1 positions is no ViTMatte's"),
    "positions of no square": ({"backbone.pos_embed": np.zeros((1, 7, 32))}, "with 7 positions is no ViTMatte's"),
    "a scalar table": ({TABLE.format(1): np.zeros(())}, BACKBONE),
    "heads of no width": ({TABLE.format(0): np.zeros((5, 0))}, "is no ViTMatte's that is known here"),
    "a neck without a number": ({"decoder.convstream.convs.9.conv.weight": np.zeros((4, 4, 3, 3))}, BACKBONE),
}


@pytest.mark.parametrize("kind", WRONG)
def test_other_tensors(tmp_path, tensors, kind):
    changes, message = WRONG[kind]
    changes = {name: t if t is None or t.dtype == np.int64 else t.astype(np.float32) for name, t in changes.items()}
    write_tensors(tmp_path / "x.pth", other(tensors, **changes))
    with pytest.raises(VitMatteError) as refusal:
        convert(tmp_path / "x.pth", tmp_path / "out")
    assert message in str(refusal.value)
    assert [path.name for path in tmp_path.iterdir()] == ["x.pth"]


@pytest.mark.parametrize(
    ("rows", "shown"),
    [
        ((27, 27, 27), "27 to 27 rows, 27 in the first"),
        ((63, 27, 63), "27 to 63 rows, 63 in the first"),
        ((27, 63, 31), "27 to 63 rows, 27 in the first"),
    ],
)
def test_windows_that_would_be_a_guess(rows, shown):
    """All alike, the first without a window, or three sizes: a wrong guess would be another network, and silent."""
    shapes = parameter_shapes(VitMatteConfig())
    for block, length in enumerate(rows):
        shapes = {
            name: (length, 64) if name.startswith(f"backbone.encoder.layer.{block}.attention.rel_pos") else shape
            for name, shape in shapes.items()
            if not re.match(r"backbone\.encoder\.layer\.([3-9]|1\d)\.", name)
        }
    with pytest.raises(CheckpointError, match=f"have windows cannot be told .* {shown} block: put the file"):
        configuration_of({name: StoredTensor("F32", shape, np.empty(0)) for name, shape in shapes.items()})


# What PyTorch writes -------------------------------------------------------------------------------------------------


@pytest.mark.parity
def test_what_torch_saves_under_the_authors_names(tmp_path, tensors):
    """A state dict with batch counters, as a trainer writes it, against transformers' own network."""
    torch = pytest.importorskip("torch", reason="compares with transformers, of the [parity] extra")
    pytest.importorskip("transformers", reason="compares with transformers, of the [parity] extra")
    from support.transformers_models import outputs, transformers_model

    model = transformers_model(CONFIG, tensors)
    state = under_the_authors_names(model.state_dict())
    state["pixel_mean"] = torch.zeros(3, 1, 1)
    torch.save(state, tmp_path / "authors.pth")
    convert(tmp_path / "authors.pth", tmp_path / "out")
    pixels = random_pixels(1, 4, 64, 96, seed=2)
    converted = VitMatteForImageMatting.from_pretrained(tmp_path / "out")(pixels).alphas
    np.testing.assert_array_equal(converted, VitMatteForImageMatting(CONFIG, tensors)(pixels).alphas)
    np.testing.assert_allclose(converted, outputs(model, pixels)[0], rtol=0, atol=2e-5)


def saved_in(torch, model, kind):
    """What people save of a network, and the type in which it is."""
    state = under_the_authors_names(model.state_dict())
    del state["pixel_mean"]
    match kind:
        case "half":
            return {name: t.half() if t.is_floating_point() else t for name, t in state.items()}, torch.float16
        case "bfloat16":
            return {name: t.bfloat16() if t.is_floating_point() else t for name, t in state.items()}, torch.bfloat16
        case "double":
            return {name: t.double() if t.is_floating_point() else t for name, t in state.items()}, torch.float32
        case "parameters":
            named = dict(model.named_parameters()) | dict(model.named_buffers())
            return under_the_authors_names(named) | {"pixel_mean": None}, torch.float32
        case "turned":  # not contiguous: stored with the last two axes swapped
            turned = {name: t.mT.contiguous().mT if t.ndim > 1 else t for name, t in state.items()}
            assert not turned["backbone.blocks.0.attn.qkv.weight"].is_contiguous()
            return turned, torch.float32
        case "one storage":
            flat = torch.cat([t.reshape(-1).float() for t in state.values()])
            parts = torch.split(flat, [t.numel() for t in state.values()])
            return {name: p.view(t.shape) for (name, t), p in zip(state.items(), parts, strict=True)}, torch.float32
        case "DDP":
            return {f"module.{name}": t for name, t in state.items()}, torch.float32
        case "a trainer's":
            return {"model": state, "iteration": 9, "optimizer": {"state": {}, "lr": 1e-4}}, torch.float32
        case "Lightning's":
            return {"epoch": 1, "state_dict": state, "loss": torch.tensor(0.5)}, torch.float32


SAVED = (
    "half", "bfloat16", "double", "parameters", "turned", "one storage", "DDP", "a trainer's", "Lightning's"
)  # fmt: skip


@pytest.mark.parity
@pytest.mark.parametrize("kind", SAVED)
def test_all_that_people_save(tmp_path, tensors, kind):
    """The same alphas to the bit as the network with weights of that precision, and close to transformers'."""
    torch = pytest.importorskip("torch", reason="compares with transformers, of the [parity] extra")
    pytest.importorskip("transformers", reason="compares with transformers, of the [parity] extra")
    from support.transformers_models import outputs, transformers_model

    content, precision = saved_in(torch, transformers_model(CONFIG, tensors), kind)
    torch.save(content, tmp_path / "authors.pth")
    convert(tmp_path / "authors.pth", tmp_path / "out")
    rounded = {name: torch.tensor(t).to(precision).float().numpy() for name, t in tensors.items()}
    pixels = random_pixels(1, 4, 64, 64, seed=3)
    converted = VitMatteForImageMatting.from_pretrained(tmp_path / "out")(pixels).alphas
    np.testing.assert_array_equal(converted, VitMatteForImageMatting(CONFIG, rounded)(pixels).alphas)
    expected = outputs(transformers_model(CONFIG, rounded), pixels)[0]
    np.testing.assert_allclose(converted, expected, rtol=0, atol=2e-5)
