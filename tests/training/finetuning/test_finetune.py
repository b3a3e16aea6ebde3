"""A run from folders to a checkpoint, in one sitting and in two, and what may happen to it on the way."""

import contextlib
import errno
import io
import shutil

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from numpy_vitmatte import VitMatteForImageMatting
from numpy_vitmatte.cli import main
from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.matting.evaluation import as_table
from numpy_vitmatte.model.trainable import TrainableModel
from numpy_vitmatte.runtime.threads import set_num_threads
from numpy_vitmatte.training import finetune, state_file
from numpy_vitmatte.training.state_file import STATE_FILE

STEPS = 6


@pytest.fixture
def options(checkpoint):
    return {"model": str(checkpoint), "steps": STEPS, "crop": 64, "batch": 2, "lr": 3e-3, "validate": 0.4}


class Stop(Exception):
    """Whatever ends a sitting."""


def stop_at(step):
    def listen(progress):
        if progress.step == step:
            raise Stop

    return listen


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, folders, checkpoint):
    """The command's run: its folder, and what it printed."""
    output, printed = tmp_path_factory.mktemp("finished") / "new", io.StringIO()
    before = files_of(checkpoint)
    command = f"--model {checkpoint} --steps {STEPS} --crop 64 --batch 2 --lr 3e-3 --validate 0.4"
    with contextlib.redirect_stdout(printed):
        assert (
            main(["finetune", *map(str, (folders / "photos", folders / "alphas", "-o", output)), *command.split()]) == 0
        )
    assert files_of(checkpoint) == before, "the checkpoint that it begins with has changed"
    return output, printed.getvalue()


def test_the_command_makes_a_checkpoint(finished, checkpoint):
    """Only the decoder has changed; batch norms keep their statistics."""
    output, printed = finished
    tables = ["after.csv", "before.csv", "log.csv"]
    network = ["config.json", "model.safetensors", "preprocessor_config.json"]
    assert sorted(files_of(output)) == sorted([*tables, *network, "curve.png"])
    assert [path.name for path in output.parent.iterdir()] == ["new"]
    old, new = (VitMatteForImageMatting.from_pretrained(folder).tensors for folder in (checkpoint, output))
    changed = {name for name in old if np.any(old[name] != new[name])}
    trained = {name for name in old if name.startswith("decoder.") and ".running_" not in name}
    assert changed == trained
    before, after = printed.split("\n\n")
    assert before.startswith("before:\npicture")
    assert after.startswith("after:\npicture")
    assert "mean of 2" in after
    with Image.open(output / "curve.png") as curve:
        assert curve.size == (960, 480)
    heading, row = (output / "log.csv").read_text().splitlines()
    assert heading == "step,seconds,rate,loss,smoothed loss"
    assert row.startswith(f"{STEPS},")


@pytest.mark.parity
def test_transformers_loads_it(finished):
    reason = "the [parity] extra is not installed; the package's own loader is tested"
    pytest.importorskip("torch", reason=reason)
    transformers = pytest.importorskip("transformers", reason=reason)
    _, info = transformers.VitMatteForImageMatting.from_pretrained(finished[0], output_loading_info=True)
    assert not any(info.values())


def test_other_pictures_are_another_run(tmp_path, folders, options):
    """One of them is edited between two sittings."""
    for name in ("photos", "alphas"):
        shutil.copytree(folders / name, tmp_path / name)
    arguments = tmp_path / "photos", tmp_path / "alphas", tmp_path / "new"
    with pytest.raises(Stop):
        finetune(*arguments, stop_at(1), **options)
    with Image.open(tmp_path / "photos" / "001.png") as photo:
        edited = photo.point(lambda level: level // 2)
    edited.save(tmp_path / "photos" / "001.png")
    with pytest.raises(VitMatteError, match="was begun with other pictures, not these; go on with the same"):
        finetune(*arguments, **options)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_python_gives_the_same_bits(tmp_path, folders, options, finished, threads):
    """With any number of threads."""
    steps = []
    set_num_threads(threads)
    result = finetune(folders / "photos", folders / "alphas", tmp_path / "new", steps.append, **options)
    assert (result.directory / "model.safetensors").read_bytes() == (finished[0] / "model.safetensors").read_bytes()
    assert [(progress.step, progress.steps) for progress in steps] == [(n + 1, STEPS) for n in range(STEPS)]
    assert finished[1] == f"before:\n{as_table(result.before)}\nafter:\n{as_table(result.after)}"
    assert list(result.before) == list(result.after)


@pytest.mark.parametrize("at", [1, 4])
def test_two_sittings_give_the_same_bits(tmp_path, folders, options, finished, monkeypatch, at):
    monkeypatch.setattr("numpy_vitmatte.training.finetuning.steps.SAVE_SECONDS", 0)
    arguments = folders / "photos", folders / "alphas", tmp_path / "new"
    with pytest.raises(Stop):
        finetune(*arguments, stop_at(at), **options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.training"]
    finetune(*arguments, **options)
    assert (tmp_path / "new" / "model.safetensors").read_bytes() == (finished[0] / "model.safetensors").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_all_of_the_network_with_trimaps_and_backgrounds(tmp_path, folders, options, checkpoint):
    given = options | {
        "train": "all",
        "trimaps": folders / "trimaps",
        "backgrounds": folders / "backgrounds",
        "steps": 2,
    }
    result = finetune(folders / "photos", folders / "alphas", tmp_path / "new", **given)
    old, new = (load_file(folder / "model.safetensors") for folder in (checkpoint, result.directory))
    still = {name for name in old if np.all(old[name] == new[name])}
    assert {
        name for name in still if not name.endswith(("running_mean", "running_var", "num_batches_tracked"))
    } == set()


def test_minutes_decide_the_steps(tmp_path, folders, options):
    """The first steps are measured; a state that is read again knows how many there will be."""
    seen = []
    given = options | {"steps": None, "minutes": 1e-6}
    result = finetune(folders / "photos", folders / "alphas", tmp_path / "new", seen.append, **given)
    assert seen[0].steps is None
    assert result.steps == seen[-1].step == seen[-1].steps == 7


def test_another_run_is_not_continued(tmp_path, folders, options):
    arguments = folders / "photos", folders / "alphas", tmp_path / "new"
    with pytest.raises(Stop):
        finetune(*arguments, stop_at(1), **options)
    before = files_of(tmp_path / "new.training")
    with pytest.raises(VitMatteError, match=r"was begun with lr=0.003, not 0.001; go on with the same, or remove"):
        finetune(*arguments, **options | {"lr": 1e-3})
    assert files_of(tmp_path / "new.training") == before
    (tmp_path / "new.training" / STATE_FILE).write_bytes(b"no state")
    with pytest.raises(VitMatteError, match="is not the state of a run"):
        finetune(*arguments, **options)


def test_a_full_disk_keeps_what_was_saved(tmp_path, folders, options, finished, monkeypatch):
    """One sentence; the state of the last save stands, and the run goes on from there to the same bits."""
    monkeypatch.setattr("numpy_vitmatte.training.finetuning.steps.SAVE_SECONDS", 0)
    arguments = folders / "photos", folders / "alphas", tmp_path / "new"
    written = []

    def save(*given, **named):
        written.append(1)
        if len(written) > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real_save(*given, **named)

    real_save = state_file.save
    with monkeypatch.context() as patch:
        patch.setattr(state_file, "save", save)
        with pytest.raises(
            VitMatteError, match=r"No space left on device; make room and .* which goes on from the last save"
        ):
            finetune(*arguments, **options)
    assert len(files_of(tmp_path / "new.training")) == 2, "a temporary file is left"
    finetune(*arguments, **options)
    assert (tmp_path / "new" / "model.safetensors").read_bytes() == (finished[0] / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            MemoryError(),
            "not enough memory for 2 squares of 64 pixels, or for the largest picture; try a smaller batch",
        ),
        ((float("nan"), {}), "the loss is nan after step 0: try a smaller lr than 0.003"),
    ],
    ids=["memory", "loss"],
)
def test_a_step_that_fails_is_one_sentence(tmp_path, folders, options, monkeypatch, answer, message):
    def gradients(*_, **__):
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(TrainableModel, "gradients", gradients)
    with pytest.raises(VitMatteError, match=message):
        finetune(folders / "photos", folders / "alphas", tmp_path / "new", **options)
    assert [path.name for path in tmp_path.iterdir()] == ["new.training"]


def test_options_that_do_not_exist_are_named(tmp_path):
    with pytest.raises(VitMatteError, match=r"finetune\(\) has no option epochs"):
        finetune(tmp_path, tmp_path, tmp_path / "new", epochs=3)
    with pytest.raises(VitMatteError, match="both say when to stop"):
        finetune(tmp_path, tmp_path, tmp_path / "new", steps=3, minutes=4)
