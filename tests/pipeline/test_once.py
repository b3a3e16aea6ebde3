"""Every file is opened once, the checkpoint resolved once, the memory planned once, and the decoder once a pass."""

import sys
from collections import Counter
from importlib import import_module

import pytest
from PIL import Image
from support.matting_job import PHOTO, TRIMAP

from numpy_vitmatte.cli import main
from numpy_vitmatte.hub.resolve import checkpoint_directory
from numpy_vitmatte.images.formats import open_listed
from numpy_vitmatte.network.decoder_plan import plan_decoder
from numpy_vitmatte.network.memory import plan_network_memory
from numpy_vitmatte.pipeline import loaded_checkpoint
from numpy_vitmatte.pipeline.estimate import estimate_memory
from numpy_vitmatte.pipeline.photo_to_alpha import matte
from numpy_vitmatte.pipeline.trust import matte_with_trust


@pytest.fixture
def calls(tmp_path, monkeypatch, lively_checkpoint):
    """A working directory with photo and trimap, a checkpoint that is loaded, and a count of what is done from now on.

    A Pillow image decodes its file once at most, so that opening once is decoding once.
    """
    monkeypatch.chdir(tmp_path)
    for name, pixels in (("photo", PHOTO), ("trimap", TRIMAP), ("beach", PHOTO)):
        Image.fromarray(pixels).save(f"{name}.png")
    matte(PHOTO, TRIMAP, lively_checkpoint)
    import_module("numpy_vitmatte.cli.matte")  # a module that is first imported later would keep what counts
    counted = Counter()

    def count(function, name):
        def counting(*arguments, **keywords):
            label = name(*arguments)
            counted.update([label] if label else [])
            return function(*arguments, **keywords)

        for module in list(sys.modules.values()):
            if module is Image or getattr(module, "__name__", "").startswith("numpy_vitmatte"):
                for attribute, value in list(vars(module).items()):
                    if value is function:
                        monkeypatch.setattr(module, attribute, counting)

    count(open_listed, lambda _, name, *__: name.split("'")[1])
    count(checkpoint_directory, lambda *_: "checkpoint resolved")
    count(plan_network_memory, lambda *_: "memory planned")
    # Without a mask it is asked how much the largest band would take: that belongs to the plan of the memory.
    count(plan_decoder, lambda pyramid, wanted=None, *_, **__: None if wanted is None else "decoder planned")
    return counted


def once(*more, passes=1):
    names = ("photo.png", "trimap.png", "checkpoint resolved", "memory planned", *more)
    return {**dict.fromkeys(names, 1), "decoder planned": passes}


@pytest.mark.parametrize("max_memory", [None, "2GB"])
@pytest.mark.parametrize("max_side", [None, 40])
def test_matte(calls, lively_checkpoint, max_memory, max_side):
    matte("photo.png", "trimap.png", lively_checkpoint, max_memory=max_memory, max_side=max_side)
    assert calls == once()


def test_a_process_that_has_nothing_loaded_yet(calls, lively_checkpoint, monkeypatch):
    """Configuration, weights and processor come from the one folder that was found; so do those of a command."""
    monkeypatch.setattr(loaded_checkpoint, "_last", None)
    matte("photo.png", "trimap.png", lively_checkpoint)
    assert calls == once()
    calls.clear()
    monkeypatch.setattr(loaded_checkpoint, "_last", None)
    assert main(["matte", "photo.png", "trimap.png", "--model", str(lively_checkpoint), "-o", "alpha.png"]) == 0
    assert calls == once()
    calls.clear()
    estimate_memory(480, 640, lively_checkpoint)
    assert calls == {"checkpoint resolved": 1, "memory planned": 1}


@pytest.mark.parametrize("max_memory", [None, "2GB"])
def test_trust(calls, lively_checkpoint, max_memory):
    matte_with_trust("photo.png", "trimap.png", lively_checkpoint, max_memory=max_memory)
    assert calls == once(passes=2)


@pytest.mark.parametrize("options", ["", "--max-memory 2GB", "--max-memory 2GB --max-side 40"])
def test_the_command_with_everything(calls, lively_checkpoint, options):
    """--verbose asks how much was computed, which plans the decoder once more."""
    job = f"matte photo.png trimap.png --model {lively_checkpoint} --force {options} -o alpha.png --trust map.png"
    outputs = "--composite out.png --background beach.png --colors photo"
    assert main([*job.split(), *outputs.split()]) == 0
    assert calls == once("beach.png", passes=2)
    calls.clear()
    assert main([*job.split(), "--verbose"]) == 0
    assert calls == once(passes=3)
