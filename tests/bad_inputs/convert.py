"""What ``numpy-vitmatte convert`` refuses."""

from bad_inputs.row import BadInput, content, directory

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
    BadInput("convert: no output named", "convert x.pth", "the following arguments are required: OUT_DIR"),
]  # fmt: skip
