"""What ``numpy-vitmatte trace`` and ``compare`` refuse."""

from pathlib import Path

import numpy as np
from safetensors.numpy import save

from support.bad_images import BAD_FILES, make_bad_file
from support.bad_inputs.row import BadInput, content, directory

TRACE = "trace photo.png trimap.png --model checkpoint"
LAYERS = save({"alphas": np.ones((1, 1, 2, 2), np.float32), "backbone.embeddings": np.ones((1, 2, 1, 1), np.float32)})


def _image_rows():
    """The files of ``bad_images``, each as photo and as trimap."""
    for name, (_, message) in BAD_FILES.items():
        for role, arguments in (("photo", f"{name} trimap.png"), ("trimap", f"photo.png {name}")):
            yield BadInput(f"trace: {role} {name}", f"trace {arguments} -o t.safetensors --model checkpoint", message,
                           lambda folder, name=name: make_bad_file(folder, name))  # fmt: skip


def _compared(kind: str, data: bytes | None, message: str, options: str = "") -> BadInput:
    """A sound trace beside ``data``."""

    def prepare(folder: Path) -> None:
        content("a.safetensors", LAYERS)(folder)
        if data is not None:
            content("b.safetensors", data)(folder)

    return BadInput(f"compare: {kind}", f"compare a.safetensors b.safetensors {options}", message, prepare)


ROWS = [
    *_image_rows(),
    BadInput("trace: another ending", f"{TRACE} -o trace.npz", "ends in '.npz'; expected .safetensors"),
    BadInput("trace: no ending", f"{TRACE} -o trace", "has no ending; expected .safetensors"),
    BadInput("trace: no such folder", f"{TRACE} -o nowhere/t.safetensors", "there is no such folder"),
    BadInput("trace: output is a directory", f"{TRACE} -o t.safetensors --force", "is a directory",
             directory("t.safetensors")),
    BadInput("trace: output exists", f"{TRACE} -o t.safetensors", "'t.safetensors' exists already",
             content("t.safetensors", b"precious")),
    BadInput("trace: no output", TRACE, "required: -o/--output (see numpy-vitmatte trace --help)"),
    BadInput("trace: photo and trimap exchanged", "trace trimap.png photo.png -o t.safetensors --model checkpoint",
             "Were photo and trimap exchanged?"),
    BadInput("trace: unknown model", "trace photo.png trimap.png -o t.safetensors --model no-such-model",
             "'no-such-model' is neither a bundled checkpoint"),
    BadInput("trace: profile of nobody", f"{TRACE} -o t.safetensors --profile rembg", "invalid choice: 'rembg'"),
    BadInput("trace: no such precision", f"{TRACE} -o t.safetensors --precision half", "invalid choice: 'half'"),
    BadInput("trace: two pictures in one stream", "trace - - -o t.safetensors", "more than one input is '-'"),
    BadInput("trace: output is a stream", f"{TRACE} -o -", "output '-' has no ending; expected .safetensors"),
    BadInput("trace: no threads", f"{TRACE} -o t.safetensors --threads 0", "the number of threads is 0"),
    BadInput("trace: too many pixels", f"{TRACE} -o t.safetensors --max-pixels 100", "100"),
    _compared("missing", None, "b.safetensors cannot be read: "),
    _compared("empty", b"", "b.safetensors is cut off: it has 0 bytes"),
    _compared("a picture", b"\x89PNG\r\n\x1a\n and more", "b.safetensors is no safetensors file"),
    _compared("cut off", LAYERS[:-1], "b.safetensors is damaged or cut off at"),
    _compared("no arrays", save({}), "b.safetensors holds no arrays; expected the outputs of a network's layers"),
    _compared("integers", save({"alphas": np.arange(4)}), "alphas is of type I64; expected F32, F16, BF16 or F64"),
    _compared("nothing in common", save({"mine": np.ones(4, np.float32)}), "the traces have no layer in common"),
    _compared("negative tolerance", LAYERS, "the tolerance is -1.0; expected a number from 0 up", "--tolerance=-1"),
    _compared("tolerance NaN", LAYERS, "the tolerance is nan", "--tolerance nan"),
    _compared("tolerance in words", LAYERS, "invalid float value: 'little'", "--tolerance little"),
    _compared("three files", LAYERS, "unrecognized arguments: c.safetensors", "c.safetensors"),
    BadInput("compare: a directory", "compare a.safetensors .", "cannot be read", content("a.safetensors", LAYERS)),
    BadInput("compare: one file", "compare a.safetensors", "required: B (see numpy-vitmatte compare --help)"),
]  # fmt: skip
