"""The container and the unit of docs/serving.md, as far as they can be tried without Docker and without root."""

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.service_process import environment, wait_until

from numpy_vitmatte.cli.program import build_parser

pytest.importorskip("fastapi", reason="the service needs the extra [serve]")

pytestmark = pytest.mark.extras

RECIPES = Path(__file__).resolve().parents[2] / "docs" / "serving"
DOCKERFILE = [line.split(maxsplit=1) for line in (RECIPES / "Dockerfile").read_text().splitlines() if line[0] != "#"]
UNIT = RECIPES / "numpy-vitmatte.service"


def instructions(name):
    return [rest for found, rest in DOCKERFILE if found == name]


def in_a_folder(command, tmp_path):
    """A shell command of the container, with this Python, and with its folder of kernels where tests may write."""
    command = command.replace("numpy-vitmatte ", f"{shlex.quote(sys.executable)} -m numpy_vitmatte ")
    command = command.replace("python -c", f"{shlex.quote(sys.executable)} -c")
    return command.replace("/opt/kernels", shlex.quote(str(tmp_path)))


def test_the_container_compiles_while_it_is_built(tmp_path):
    _, compile_all = instructions("RUN")
    environment_of_image = dict(line.split("=") for line in instructions("ENV"))
    assert environment_of_image == {"NUMBA_CACHE_DIR": "/opt/kernels"}
    assert "numpy-vitmatte warmup" in compile_all
    command = in_a_folder(compile_all, tmp_path)  # with the kernels of these tests: compiling takes a minute
    subprocess.run(["sh", "-ec", command], env=environment(), check=True, capture_output=True)


def test_the_container_serves_and_is_healthy(tmp_path, lively_checkpoint):
    (command,) = (re.findall(r'"([^"]*)"', line) for line in instructions("CMD"))
    assert command[:4] == ["numpy-vitmatte", "serve", "--host", "0.0.0.0"]
    serve = [sys.executable, "-m", "numpy_vitmatte", *command[1:], "--port", "0", "--model", str(lively_checkpoint)]
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(serve, env=environment(), stdout=subprocess.PIPE, stderr=log)
    try:
        port = re.fullmatch(r"http://0\.0\.0\.0:(\d+)", process.stdout.readline().decode().strip())[1]
        (health,) = instructions("HEALTHCHECK")
        health = in_a_folder(health.removeprefix("CMD ").replace(":7000/", f":{port}/"), tmp_path)
        wait_until(lambda: subprocess.run(["sh", "-c", health], capture_output=True).returncode == 0, patience=20)
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


def test_the_unit(tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed; it is in Debian's package systemd")
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(UNIT)
    program, *arguments = shlex.split(unit["Service"]["ExecStart"])
    options = build_parser().parse_args(arguments)
    assert (options.max_memory, options.allow_host) == ("2GB", ["matting.example.org"])
    # systemd looks for the program, which is not at its place here.
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace(program, sys.executable))
    run = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, env=dict(os.environ)
    )
    assert (run.returncode, run.stderr) == (0, "")
