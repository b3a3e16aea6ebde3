"""What ``numpy-vitmatte demo`` refuses; its bundled photo is the folder's."""

from pathlib import Path

from support.bad_inputs.row import BadInput, content, directory, loop

DEMO = "demo --model checkpoint"


def _without_photo(folder: Path) -> None:
    (folder / "photo.png").unlink()


def _without_trimap(folder: Path) -> None:
    (folder / "trimap.png").unlink()


ROWS = [
    BadInput("demo: output is a file", f"{DEMO} -o photo.png", "photo.png"),
    BadInput("demo: output is below a file", f"{DEMO} -o photo.png/demo",
             "output folder 'photo.png/demo' cannot be made"),
    BadInput("demo: output is a loop of links", f"{DEMO} -o loop", "output folder 'loop' cannot be made", loop("loop")),
    BadInput("demo: name too long", f"{DEMO} -o {'a' * 300}", "cannot be made: File name too long"),
    BadInput("demo: a picture exists", f"{DEMO} -o made", "output 'made/cutout.png' exists already",
             content("made/cutout.png", b"precious")),
    BadInput("demo: a picture is a directory", f"{DEMO} -o . --force", "output 'alpha.png' is a directory",
             directory("alpha.png")),
    BadInput("demo: unknown model", "demo --model no-such-model", "'no-such-model' is neither a bundled checkpoint"),
    BadInput("demo: no threads", f"{DEMO} --threads 0", "the number of threads is 0"),
    BadInput("demo: a photo given", f"{DEMO} photo.png", "unrecognized arguments: photo.png"),
    BadInput("demo: installation without photo", DEMO, "this installation lacks the bundled photo", _without_photo),
    BadInput("demo: installation without trimap", DEMO, "this installation lacks the bundled photo", _without_trimap),
]  # fmt: skip
