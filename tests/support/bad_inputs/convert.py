"""What ``numpy-vitmatte convert`` refuses."""

import zipfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from support.bad_inputs.row import BadInput, content, directory
from support.torch_files import called, pickled, reference, tensor, write, write_tensors

ARRAY = np.zeros(6, np.float32)


def _pickle(data: bytes, *members: str):
    """A file x.pth whose pickle is this program, or describes this content."""

    def prepare(folder: Path) -> None:
        write(folder / "x.pth", data, {"0": ARRAY}, more=[(name, b"") for name in members])

    return prepare


def _content(described: object):
    return _pickle(pickled(described))


def _zip(name: str, compression: int):
    def prepare(folder: Path) -> None:
        with zipfile.ZipFile(folder / "x.pth", "w", compression) as archive:
            archive.writestr(name, bytes(1000))

    return prepare


def _sound(folder: Path) -> None:
    """The checkpoint's own tensors in x.pth."""
    write_tensors(folder / "x.pth", load_file(folder / "checkpoint/model.safetensors"))


def _sound_and(prepare):
    def prepare_both(folder: Path) -> None:
        _sound(folder)
        prepare(folder)

    return prepare_both


ROWS = [
    BadInput("convert: no file", "convert missing.pth out", "missing.pth cannot be read: "),
    BadInput("convert: a directory", "convert checkpoint out", "checkpoint cannot be read: "),
    BadInput("convert: an empty file", "convert x.pth out", "x.pth is no zip archive as torch.save writes it",
             content("x.pth", b"")),
    BadInput("convert: a picture", "convert photo.png out", "photo.png is no zip archive as torch.save writes it"),
    BadInput("convert: an old pickle", "convert x.pth out", "x.pth is a pickle of before PyTorch 1.6",
             content("x.pth", b"\x80\x02}.")),
    BadInput("convert: output exists", "convert x.pth out", "output 'out' exists already", directory("out")),
    BadInput("convert: output is a file", "convert x.pth photo.png --force", "output 'photo.png' is a file"),
    BadInput("convert: output is the current folder", "convert x.pth . --force",
             "output '.' is or holds the current folder",
             _sound),
    BadInput("convert: output is a folder above", "convert x.pth .. --force",
             "output '..' must end in the name of a folder",
             _sound),
    BadInput("convert: output with a foreign file", "convert x.pth checkpoint --force",
             "output 'checkpoint' holds 'notes.txt', and --force replaces nothing but a checkpoint; choose",
             _sound_and(content("checkpoint/notes.txt", b"mine"))),
    BadInput("convert: output is a link", "convert x.pth out --force",
             "output 'out' is a link; choose the name of a folder",
             _sound_and(lambda folder: (folder / "out").symlink_to("checkpoint"))),
    BadInput("convert: output below a file", "convert x.pth photo.png/out", "cannot be written: ", _sound),
    BadInput("convert: half a file", "convert x.pth out", "or a damaged one: it does not end as an archive does",
             _sound_and(lambda folder: (folder / "x.pth").write_bytes((folder / "x.pth").read_bytes()[:500]))),
    BadInput("convert: a zip of something else", "convert x.pth out", "with 0 data.pkl, where torch.save writes one",
             _zip("a/readme.txt", zipfile.ZIP_STORED)),
    BadInput("convert: a compressed archive", "convert x.pth out",
             "'a/data.pkl' is compressed, which torch.save never does",
             _zip("a/data.pkl", zipfile.ZIP_DEFLATED)),
    BadInput("convert: a member outside its folder", "convert x.pth out", "has a member '../data.pkl', outside the one",
             _zip("../data.pkl", zipfile.ZIP_STORED)),
    BadInput("convert: another member outside", "convert x.pth out", "has a member 'archive/../../x', outside the one",
             _pickle(pickled({}), "../../x")),
    BadInput("convert: a program", "convert x.pth out", "its pickle asks for os.system, which builds no tensor",
             _content({"a": called("os", "system", "touch harm")})),
    BadInput("convert: a program by STACK_GLOBAL", "convert x.pth out",
             "its pickle asks for os.system, which builds no",
             _pickle(b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0atouch harm\x85R.")),
    BadInput("convert: a program by INST", "convert x.pth out", "its pickle asks for os.system, which builds no tensor",
             _pickle(b"(\x8c\x0atouch harmios\nsystem\n.")),
    BadInput("convert: an extension's program", "convert x.pth out",
             "its pickle uses the instruction EXT1, which torch.save",
             _pickle(b"\x80\x02\x82\x01.")),
    BadInput("convert: attributes for what is called", "convert x.pth out",
             "its pickle is damaged: TypeError: '_Global in",
             _pickle(b"ctorch\nSize\n}\x8c\x04name\x8c\x09os.systemsb.")),
    BadInput("convert: a reference to elsewhere", "convert x.pth out",
             "its pickle refers to something outside that is no",
             _content({"a": reference("file", "/etc/passwd")})),
    BadInput("convert: a cut pickle", "convert x.pth out",
             "its pickle is damaged: ValueError: 'pickle exhausted before",
             _pickle(b"\x80\x02}")),
    BadInput("convert: a tensor beyond its storage", "convert x.pth out",
             "tensor 'a' reaches beyond the 24 bytes of its",
             _content({"a": tensor(ARRAY, "0", offset=1)})),
    BadInput("convert: a tensor before its storage", "convert x.pth out", "strides (-1,) or offset 5",
             _content({"a": tensor(ARRAY, "0", offset=5, strides=(-1,))})),
    BadInput("convert: one number a million times", "convert x.pth out",
             "is too small for its tensors, which take 4000000",
             _content({"a": tensor(ARRAY, "0", shape=(1000, 1000), strides=(0, 0))})),
    BadInput("convert: a storage of another length", "convert x.pth out", "storage 0 has 24 bytes instead of 4000000",
             _content({"a": tensor(ARRAY, "0", length=1_000_000)})),
    BadInput("convert: no tensors", "convert x.pth out", "x.pth holds no dictionary of tensors", _content({"lr": 0.1})),
    BadInput("convert: another network", "convert x.pth out", "the tensors are not those of a ViTMatte",
             _content({"weight": tensor(ARRAY, "0")})),
    BadInput("convert: no output named", "convert x.pth", "the following arguments are required: OUT_DIR"),
]  # fmt: skip
