"""kill -9 at moments of chance: the checkpoint has the same bits as that of a run that nobody killed."""

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


def start(folders, output, checkpoint):
    arguments = [folders / "photos", folders / "alphas", output, checkpoint, STEPS]
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *map(str, arguments)], stdout=subprocess.PIPE, text=True, env=child_environment()
    )


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path, folders, checkpoint):
    """Every sitting begins after a step that an earlier one did, and finds the same losses."""
    whole = start(folders, tmp_path / "whole", checkpoint)
    expected = whole.communicate(timeout=300)[0].splitlines()
    assert whole.returncode == 0
    assert len(expected) == STEPS
    moments, reached = random.Random(1), 0
    for _ in range(KILLS):
        process = start(folders, tmp_path / "killed", checkpoint)
        lines = [process.stdout.readline().rstrip("\n")]
        first = int(lines[0].split()[0])
        assert 1 <= first <= reached + 1
        while int(lines[-1].split()[0]) < min(STEPS - 1, first + 2):
            lines.append(process.stdout.readline().rstrip("\n"))
        try:
            process.wait(moments.uniform(0, 0.05))
        except subprocess.TimeoutExpired:
            process.kill()
        lines += process.communicate(timeout=300)[0].splitlines()
        assert lines == expected[first - 1 : first - 1 + len(lines)]
        reached = first - 1 + len(lines)
        assert process.returncode in (0, -9)
        if (tmp_path / "killed").exists():  # whole, even where the kill came after its last step
            break
    else:
        last = start(folders, tmp_path / "killed", checkpoint)
        assert last.communicate(timeout=300)[0].splitlines()[-1] == expected[-1]
        assert last.returncode == 0
    one, other = (tmp_path / name / "model.safetensors" for name in ("whole", "killed"))
    assert one.read_bytes() == other.read_bytes()
    left = {path.name for path in tmp_path.iterdir()} - {"killed", "whole"}
    assert left <= ({"killed.training"} if process.returncode else set())
