"""Permission to use AMX tiles: who asks, who inherits, and that code with tiles stays where there is permission."""

import multiprocessing
import os
import platform
from pathlib import Path

import pytest
from support.processes import run_python

from numpy_vitmatte.runtime import kernel_cache, tile_permission
from numpy_vitmatte.runtime.tile_permission import ask_for_tiles, tiles_granted

LINUX = "/proc/cpuinfo"
FOR_TILES = {
    "NUMBA_CPU_NAME": "sapphirerapids",
    "NUMBA_CPU_FEATURES": "+amx-tile,+amx-bf16,+avx512f,+avx512bw,+avx512vl,+avx512dq,+avx512bf16,+avx2,+fma",
}


@pytest.fixture
def answers(monkeypatch):
    """Let the system answer something else, and count the questions."""
    questions = []

    def set_answer(answer):
        tiles_granted.cache_clear()
        monkeypatch.setattr(tile_permission, "ask_for_tiles", lambda: questions.append(1) or answer)
        return questions

    yield set_answer
    tiles_granted.cache_clear()


@pytest.mark.skipif(not os.path.exists(LINUX), reason="there is no list of a processor's features here")
def test_a_processor_without_tiles_gets_none():
    """One with them may be refused them all the same."""
    assert ask_for_tiles() <= ("amx_tile" in Path(LINUX).read_text())


@pytest.mark.parametrize("problem", ["system", "machine", "refused", "no library"])
def test_a_question_that_cannot_be_asked_is_answered_no(monkeypatch, problem):
    """Other systems, other processors, an older Linux or a sandbox, and a program without a C library."""

    class Refusing:
        def syscall(self, number, request, state):
            assert (number, request, state) == (158, 0x1023, 18)
            return 0 if problem in ("system", "machine") else -1

    def load(name):
        if problem == "no library":
            raise OSError("no library")
        return Refusing()

    monkeypatch.setattr(tile_permission.ctypes, "CDLL", load)
    monkeypatch.setattr(tile_permission.sys, "platform", "win32" if problem == "system" else "linux")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64" if problem == "machine" else "x86_64")
    assert not ask_for_tiles()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_inherits_and_does_not_ask(answers):
    """Linux hands the permission on to the child, which keeps the answer, too."""
    questions = answers(True)
    assert tiles_granted()
    child = os.fork()
    if child == 0:
        os._exit(0 if tiles_granted() and len(questions) == 1 else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_spawned_process_asks_anew(answers):
    """Its program is started from the beginning, and the permission is gone. Its system gives its own answer."""
    answers(True)
    assert tiles_granted()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(tiles_granted) == ask_for_tiles()


@pytest.mark.compiled
def test_machine_code_is_kept_apart(answers):
    """What a process with permission has compiled is of no use to one without, on the same processor."""

    class Codegen:
        def magic_tuple(self):
            return "x86_64-unknown-linux-gnu", *FOR_TILES.values()

    keys = []
    for answer in (True, False):
        answers(answer)
        keys.append(kernel_cache.KernelCache(answers)._key("(int16)", Codegen()))
    assert keys[0] != keys[1]


COUNT = """
import numpy as np
from numba import typeof
from numpy_vitmatte.runtime import tile_permission
tile_permission.ask_for_tiles = lambda: {granted}
from numpy_vitmatte.kernels.matmul import multiply, pack, sweep_columns
from numpy_vitmatte.kernels.square_sweep import full_squares
from numpy_vitmatte.kernels.tile_packing import pack_tiles
x, matrix = np.ones(16 * 32, np.float32), pack(np.ones((32, 16), np.float32))
tiles = matrix._replace(panels=pack_tiles(matrix.panels, 32, 1, np.int16))
multiply.compile(tuple(typeof(value) for value in (x, 16, tiles, x)))
code = "".join(text for kernel in (sweep_columns, full_squares) for text in kernel.inspect_asm().values())
print(*(code.count("\\t" + name) for name in ("ldtilecfg", "tilerelease", "tdpbf16ps", "sttilecfg", "tilezero")))
"""


@pytest.mark.compiled
@pytest.mark.skipif(platform.machine() != "x86_64", reason="this LLVM writes no code for other processors")
@pytest.mark.parametrize("granted", [True, False])
def test_kernels_for_a_processor_with_tiles(tmp_path, granted):
    """Numba compiles the sweep for Sapphire Rapids: with permission it has tiles, without it not one."""
    counts = run_python("-c", COUNT.format(granted=granted), NUMBA_CACHE_DIR=str(tmp_path), **FOR_TILES).split()
    ldtilecfg, tilerelease, products, sttilecfg, tilezero = map(int, counts)
    assert (ldtilecfg, tilerelease, sttilecfg, tilezero) == (granted, granted, 0, 0)
    assert products >= 4 + 2 + 2 + 1 if granted else products == 0
