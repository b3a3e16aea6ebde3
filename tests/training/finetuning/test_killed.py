"""kill -9 at moments of chance: the checkpoint has the same bits as that of a run that nobody killed."""

import itertools
import random
import subprocess
import sys

from support.processes import child_environment

STEPS, KILLS = 12, 4

RUN = """
import sys
from numpy_vitmatte.training import finetune
from numpy_vitmatte.training.finetuning import steps
steps.SAVE_SECONDS = 0
finetune(*sys.argv[1:4], lambda progress: print(progress.step, progress.loss, flush=True), model=sys.argv[4],
         steps=int(sys.argv[5]), crop=64, batch=2, lr=3e-3, validate=0)
"""

KILL_BEFORE_THE_LAST_FILES = """
import importlib, os, signal
room = importlib.import_module("numpy_vitmatte.training.finetuning.finetune")
room.write_together = lambda writers: os.kill(os.getpid(), signal.SIGKILL)
"""


def start(folders, output, checkpoint, first=""):
    arguments = [folders / "photos", folders / "alphas", output, checkpoint, STEPS]
    return subprocess.Popen(
        [sys.executable, "-c", first + RUN, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env=child_environment(),
    )


def steps_done(lines, expected, reached):
    """The number of steps after a sitting that printed `lines`, which must be those of the run that nobody killed.

    A sitting begins with a step that an earlier one did, or with the next. Killed between its last step and its
    folder, a run has no step left and prints nothing.
    """
    if not lines:
        assert reached == STEPS
        return reached
    first = int(lines[0].split()[0])
    assert 1 <= first <= reached + 1
    assert lines == expected[first - 1 : first - 1 + len(lines)]
    return first - 1 + len(lines)


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path, folders, checkpoint):
    """Every sitting begins after a step that an earlier one did, and finds the same losses."""
    whole = start(folders, tmp_path / "whole", checkpoint)
    expected = whole.communicate(timeout=300)[0].splitlines()
    assert whole.returncode == 0
    assert len(expected) == STEPS
    moments, reached = random.Random(1), 0
    for _ in range(KILLS):
        process = start(folders, tmp_path / "killed", checkpoint)
        lines = list(itertools.islice(process.stdout, 3))
        try:
            process.wait(moments.uniform(0, 0.05))
        except subprocess.TimeoutExpired:
            process.kill()
        lines = [line.rstrip("\n") for line in [*lines, *process.communicate(timeout=300)[0].splitlines()]]
        reached = steps_done(lines, expected, reached)
        assert process.returncode in (0, -9)
        if (tmp_path / "killed").exists():  # whole, even where the kill came after its last step
            break
    else:
        last = start(folders, tmp_path / "killed", checkpoint)
        lines = last.communicate(timeout=300)[0].splitlines()
        assert steps_done(lines, expected, reached) == STEPS
        assert last.returncode == 0
    one, other = (tmp_path / name / "model.safetensors" for name in ("whole", "killed"))
    assert one.read_bytes() == other.read_bytes()
    left = {path.name for path in tmp_path.iterdir()} - {"killed", "whole"}
    assert left <= ({"killed.training"} if process.returncode else set())


def test_a_run_killed_in_its_last_step_leaves_nothing(tmp_path, folders, checkpoint):
    """Killed while it wrote the checkpoint: no half folder beside the photos, and the next run cleans up."""
    process = start(folders, tmp_path / "new", checkpoint, KILL_BEFORE_THE_LAST_FILES)
    assert len(process.communicate(timeout=300)[0].splitlines()) == STEPS
    assert process.returncode == -9
    assert [path.name for path in tmp_path.iterdir()] == ["new.training"]
    assert (tmp_path / "new.training" / "checkpoint" / "model.safetensors").exists()
    again = start(folders, tmp_path / "new", checkpoint)
    assert again.communicate(timeout=300)[0] == ""
    assert again.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
