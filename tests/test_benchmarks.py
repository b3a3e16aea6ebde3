"""The benchmarks run, compare the right things and survive a competitor that does not; nothing is timed here."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.example_configs import tiniest_config

import numpy_vitmatte
from numpy_vitmatte import VitMatteForImageMatting, VitMatteImageProcessor

ROOT = Path(__file__).resolve().parent.parent
BENCHMARKS = ROOT / "docs" / "benchmarks"
ABOUT = {"benchmark", "height", "width", "threads", "machine", "versions"}


def benchmarks(*arguments, first_on_path=()):
    """Run ``python docs/benchmarks`` with this package, and modules of a folder before all others."""
    package = str(Path(numpy_vitmatte.__file__).parents[1])
    paths = [*map(str, first_on_path), package, *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.run(
        [sys.executable, str(BENCHMARKS), *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=550,
    )


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Alphas from 0.3 to 0.9; with larger weights float32 itself, PyTorch's too, misses 1e-4 at 512x512."""
    config = tiniest_config()
    backbone = replace(config.backbone_config, initializer_range=0.4)
    folder = tmp_path_factory.mktemp("benchmarks")
    network = replace(config, backbone_config=backbone, initializer_range=0.4)
    VitMatteForImageMatting.from_config(network).save_pretrained(folder)
    VitMatteImageProcessor().save_pretrained(folder)
    return folder


@pytest.fixture
def compare(checkpoint, tmp_path):
    """Run a comparison of two rounds on a tiny network; the process and its only record."""

    def run(benchmark, *only, size="64x96", **more):
        output = tmp_path / "folder" / "record.json"
        process = benchmarks(
            benchmark, "--sizes", size, "--threads", 1, "--rounds", 2, "--model", checkpoint,
            "--output", output, "--only", *only, **more,
        )  # fmt: skip
        assert output.exists(), process.stderr
        (record,) = json.loads(output.read_text())
        return process, record

    return run


def test_forward_leaves_a_record(compare):
    process, record = compare("forward", "numpy-vitmatte")
    assert process.returncode == 0, process.stderr
    assert set(record) == ABOUT | {"results"}
    assert (record["benchmark"], record["height"], record["width"], record["threads"]) == ("forward", 64, 96, 1)
    assert record["versions"]["numpy-vitmatte"] == numpy_vitmatte.__version__
    assert record["versions"]["numpy"] == np.__version__
    assert set(record["machine"]) == {"processor", "usable_processors", "memory_megabytes", "system"}
    assert list(record["results"]) == ["numpy-vitmatte"]
    ours = record["results"]["numpy-vitmatte"]
    assert len(ours["seconds"]) == 2
    assert ours["median_seconds"] == pytest.approx(sum(ours["seconds"]) / 2)
    assert (ours["ratio"], ours["largest_difference"]) == (1, 0)
    assert 50 < ours["peak_megabytes"] < 2000
    assert "forward, 64x96, threads 1, rounds 2" in process.stdout


@pytest.mark.extras("torch", "transformers", "onnx", "onnxscript", "onnxruntime", "openvino")
@pytest.mark.parametrize("benchmark", ["forward", "job"])
def test_competitors_compute_the_same_alphas(compare, benchmark):
    process, record = compare(benchmark, "openvino", "onnxruntime", "torch")
    assert process.returncode == 0, process.stdout + process.stderr
    assert list(record["results"]) == ["numpy-vitmatte", "openvino", "onnxruntime", "torch"]
    for name, result in record["results"].items():
        assert len(result["seconds"]) == 2
        assert result["largest_difference"] < 1e-4, name
        assert ("peak_megabytes" in result) == (benchmark == "forward")
    others = [result["largest_difference"] for name, result in record["results"].items() if name != "numpy-vitmatte"]
    assert any(difference > 0 for difference in others)  # the same to the bit would mean that ours was run four times


@pytest.mark.parametrize(
    ("torch", "reason"),
    [
        ("raise ImportError('no torch here')", "ImportError: no torch here"),
        ("bytearray(1 << 50)", "MemoryError: no message"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "the process died: exit status -9"),
    ],
)
def test_a_competitor_that_fails_is_reported_and_the_rest_goes_on(compare, tmp_path, torch, reason):
    (tmp_path / "torch.py").write_text(torch)
    process, record = compare("forward", "torch", first_on_path=[tmp_path])
    assert process.returncode == 1
    assert record["results"]["torch"] == {"seconds": [], "failed": reason}
    assert f"failed: {reason}" in process.stdout
    assert len(record["results"]["numpy-vitmatte"]["seconds"]) == 2


def test_a_failed_export_fails_those_who_need_it(compare, tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('no torch here')")
    process, record = compare("forward", "openvino", "onnxruntime", first_on_path=[tmp_path])
    assert process.returncode == 1
    for name in ("openvino", "onnxruntime"):
        assert record["results"][name] == {"seconds": [], "failed": "export to onnx: ImportError: no torch here"}


def test_the_job_says_what_is_unknown(compare):
    process, record = compare("job", "numpy-vitmatte", size="320x480")
    assert process.returncode == 0, process.stderr
    assert 0.15 <= record["unknown_share"] <= 0.20


def test_the_photo_of_a_job(tmp_path):
    """The trimap keeps its three regions, and the share is that of the file."""
    code = f"import materials, pathlib; print(materials.put_photo(pathlib.Path({str(tmp_path)!r}), 640, 960, 0.17))"
    run = subprocess.run([sys.executable, "-c", code], cwd=BENCHMARKS, capture_output=True, text=True,
                         env=os.environ | {"PYTHONPATH": str(Path(numpy_vitmatte.__file__).parents[1])})  # fmt: skip
    assert run.returncode == 0, run.stderr
    photo, trimap = (np.asarray(Image.open(tmp_path / name)) for name in ("photo.png", "trimap.png"))
    assert photo.shape == (640, 960, 3)
    assert trimap.shape == (640, 960)
    assert set(np.unique(trimap)) == {0, 128, 255}
    assert np.mean(trimap == 128) == pytest.approx(float(run.stdout))
    assert 0.15 <= float(run.stdout) <= 0.20
    assert np.mean(trimap == 255) > 0.2


def test_memory_over_size(checkpoint, tmp_path):
    output = tmp_path / "memory.json"
    process = benchmarks(
        "memory", "--sizes", "256x256", "512x512", "--threads", 1, "--model", checkpoint, "--output", output
    )
    assert process.returncode == 0, process.stderr
    (record,) = json.loads(output.read_text())
    assert set(record) == ABOUT | {"model_megabytes", "measured", "exponent"}
    small, large = record["measured"]
    assert (small["height"], large["height"]) == (256, 512)
    assert record["model_megabytes"] < small["peak_megabytes"] < large["peak_megabytes"]
    growth = [one["peak_megabytes"] - record["model_megabytes"] for one in (small, large)]
    assert record["exponent"] == pytest.approx(np.log2(growth[1] / growth[0]) / 2)  # four times the pixels


@pytest.mark.extras("torch", "transformers")
def test_start(checkpoint, tmp_path):
    output = tmp_path / "start.json"
    process = benchmarks("start", "--threads", 1, "--rounds", 1, "--model", checkpoint, "--output", output, "--quiet")
    assert process.returncode == 0, process.stdout + process.stderr
    assert process.stderr == ""
    (record,) = json.loads(output.read_text())
    assert set(record) == ABOUT | {
        "results", "unknown_share", "import_seconds", "help_seconds", "help_to_import",
    }  # fmt: skip
    assert list(record["results"]) == ["numpy-vitmatte", "torch"]
    assert record["results"]["torch"]["largest_difference"] < 1e-4


@pytest.mark.extras
def test_serve(checkpoint, tmp_path):
    pytest.importorskip("fastapi", reason="the service needs the extra [serve]")
    output = tmp_path / "serve.json"
    process = benchmarks(
        "serve", "--sizes", "64x96", "--threads", 1, "--rounds", 2, "--seconds", 0.01, "--model", checkpoint,
        "--output", output, "--quiet",
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    (record,) = json.loads(output.read_text())
    each = {f"{who}_{what}" for who in ("loop", "service") for what in ("seconds", "processor_seconds")}
    more = {"unknown_share", "clients", "clients_processor_seconds", "photos", "throughput_share", "peak_megabytes"}
    assert set(record) == ABOUT | each | more
    assert len(record["loop_seconds"]) == len(record["service_seconds"]) == 2
    assert "serve, 64x96, threads 1: " in process.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("forward", "--sizes", "100x100"), "100x100: height and width must be multiples of 32, above 0"),
        (("forward", "--rounds", "0"), "0: expected a whole number from 1 on"),
        (("forward", "--only", "tensorflow"), "invalid choice: 'tensorflow'"),
    ],
)
def test_a_wrong_command_line(arguments, message):
    process = benchmarks(*arguments)
    assert process.returncode == 2
    assert message in process.stderr


def test_a_newer_record_replaces_the_older(tmp_path, monkeypatch):
    """Records of the same measurement are one; others stay."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    from records import load, new_record, save

    path = tmp_path / "folder" / "records.json"
    for threads, seconds in ((2, 1.0), (1, 2.0), (2, 3.0)):
        save(new_record("forward", 64, 96, threads, seconds=seconds), path)
    assert [(record["threads"], record["seconds"]) for record in load(path)] == [(1, 2.0), (2, 3.0)]
    assert [file.name for file in path.parent.iterdir()] == ["records.json"]


def test_records_of_another_processor_stay(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    from records import load, new_record, processor, save

    path = tmp_path / "records.json"
    mine = new_record("forward", 64, 96, 1)
    save(mine, path)
    save(mine | {"machine": mine["machine"] | {"processor": "another"}}, path)
    save(mine, path)
    assert sorted(map(processor, load(path))) == sorted([processor(mine), "another"])


def test_tables_are_those_of_the_records(tmp_path):
    """No table of the performance page is older than its record: ``python docs/benchmarks tables`` changes nothing."""
    page, copied = ROOT / "docs/performance.md", tmp_path / "page.md"
    copied.write_text(page.read_text(encoding="utf-8"), encoding="utf-8")
    assert benchmarks("tables", "--page", copied).returncode == 0
    assert copied.read_text(encoding="utf-8") == page.read_text(encoding="utf-8")


def test_tables_say_who_was_slower_by_how_much(monkeypatch):
    """The fastest first, those that failed left out, a table for each processor."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    from tables import all_sizes, one_size

    def result(seconds, ratio):
        return {"median_seconds": seconds, "ratio": ratio, "peak_megabytes": 100.0, "largest_difference": 4e-7}

    results = {"numpy-vitmatte": result(0.5, 1.0), "torch": result(2.0, 0.25), "openvino": result(1.0, 0.5)}
    records = [
        {"height": 640, "width": 960, "threads": 2, "machine": {"processor": name}, "versions": {"torch": "9"},
         "results": results | {"onnxruntime": {"failed": "no memory"}}}
        for name in ("one", "two")
    ]  # fmt: skip
    lines = one_size(records, records[1:])
    assert lines[:3] == ["one, with torch 9:", "", lines[2]]
    assert [line.split(" | ")[0] for line in lines[4:7]] == ["| numpy-vitmatte", "| OpenVINO", "| PyTorch, eager"]
    assert lines[5] == "| OpenVINO | 1.00 s | 0.50 | 100 MB | 4e-07 |  |  |"
    assert lines[-1] == "| PyTorch, eager | 2.00 s | 0.25 | 100 MB | 4e-07 | 2.00 s | 0.25 |"
    assert all_sizes(records)[-1] == "| two, 640x960, 2 | 0.500 s, 100 MB | 0.50 |  | 0.25 |"


@pytest.mark.extras("matplotlib")
def test_a_picture_needs_records(tmp_path):
    process = benchmarks("picture", "--results", tmp_path / "none.json", "--output", tmp_path / "picture.svg")
    assert process.returncode == 1
    assert process.stderr == (
        f"{tmp_path / 'none.json'} holds no records; measure first: python docs/benchmarks forward\n"
    )


@pytest.mark.extras("matplotlib")
def test_picture(compare, tmp_path):
    """A bar for who succeeded, a cross for who failed, for each processor; the same records give the same file."""
    (tmp_path / "torch.py").write_text("raise ImportError('no torch here')")
    compare("forward", "torch", first_on_path=[tmp_path])
    path = tmp_path / "folder" / "record.json"
    (record,) = json.loads(path.read_text())
    path.write_text(json.dumps([record | {"machine": {"processor": kind}} for kind in ("one kind", "another")]))
    drawn = [tmp_path / "1.svg", tmp_path / "2.svg"]
    for path in drawn:
        process = benchmarks("picture", "--results", tmp_path / "folder" / "record.json", "--output", path)
        assert process.returncode == 0, process.stderr
    first, second = (path.read_bytes() for path in drawn)
    assert first == second
    assert b"<svg" in first
    assert first.count(b"<!-- \xc3\x97 -->") == 4
    for kind in (b"one kind", b"another"):
        assert b"<!-- " + kind + b", 1 thread: time (numpy-vitmatte = 1) -->" in first
        assert b"<!-- " + kind + b", 1 thread: peak resident memory of the process (GB) -->" in first


def test_roofline_counts_by_hand(monkeypatch):
    """The products of ViTMatte-S at 640x960, worked out by hand; windows of stride 1 in tiles of four."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    from operations import operations

    counted = operations(640, 960, numpy_vitmatte.VitMatteConfig())
    pixels, tokens, channels = 614_400, 2400, 384
    offsets = 79 + 119  # of two tokens among 40 rows, among 60 columns
    products = (8 + 16) * channels  # projections, MLP
    assert counted["global blocks"] == 4 * tokens * channels * (products + 4 * tokens + 2 * offsets)
    assert counted["window blocks"] == 8 * tokens * channels * (products + 4 * 14 * 14 + 2 * (27 + 27))
    assert counted["patch embedding"] == 2 * pixels * 4 * channels
    assert counted["residual necks"] == 4 * 2 * tokens * (384 * 192 * 2 + 192 * 192 * 4)
    stream = 9 * (4 * 48 / 4 + 48 * 96 / 16 + 96 * 192 / 64)
    details = 4 * (192 * 256 / 64 + 96 * 128 / 16 + 48 * 64 / 4) + 9 * 4 * 32
    features = 9 / 4 * (384 * 256 / 64 + 256 * 128 / 16 + 128 * 64 / 4 + 64 * 32)
    assert counted["decoder"] == 2 * pixels * (stream + details + features + 4 * 32 * 16 + 16)


def two_rounds(command, threads, checkpoint, folder):
    """The one record that a command leaves, and what it prints."""
    output = folder / "record.json"
    process = benchmarks(
        command, "--sizes", "64x96", "--threads", threads, "--rounds", 2, "--model", checkpoint, "--output", output
    )
    assert process.returncode == 0, process.stderr
    (record,) = json.loads(output.read_text())
    return record, process.stdout


def test_roofline_leaves_a_record(lively_checkpoint, tmp_path):
    """The parts add up to no more than the whole."""
    record, _ = two_rounds("roofline", 1, lively_checkpoint, tmp_path)
    parts = record["parts"]
    assert sum(parts[part]["operations"] for part in parts if part != "whole") == parts["whole"]["operations"]
    assert all(0 < part["share_of_peak"] < 1.5 for part in parts.values())
    assert record["sustained"] <= record["peak"]


def test_bundled_leaves_a_record(lively_checkpoint, tmp_path):
    """Every job of both, in each round."""
    record, printed = two_rounds("bundled", 2, lively_checkpoint, tmp_path)
    assert list(record["jobs"]) == ["network", "arrays", "JPEG", "PNG"]
    for name, job in record["jobs"].items():
        rounds = [small / large for large, small in zip(job["large_seconds"], job["small_seconds"], strict=True)]
        assert len(rounds) == 2
        assert min(rounds) <= job["ratio"] <= max(rounds)
        assert f"{name} " in printed


@pytest.mark.extras("torch", "transformers")
def test_a_step_of_training_is_the_same_for_both(checkpoint):
    """The alphas before each of two steps, and so the steps."""
    code = f"""
import numpy as np, pathlib, training_steps as steps
steps.RATE = 1e-2
folder, generator = pathlib.Path({str(checkpoint)!r}), np.random.default_rng(0)
pixels = generator.standard_normal((2, 4, 64, 96), np.float32)
pixels[:, 3] = generator.choice(np.array([0, 128 / 255, 1], np.float32), (2, 64, 96))
labels = generator.random((2, 1, 64, 96), np.float32)
ours, theirs = steps.load_ours(folder, 1), steps.load_torch(folder, 1)
first, second = (np.stack([step(pixels, labels) for _ in range(2)]) for step in (ours, theirs))
print(np.abs(first - second).max(), np.abs(first[0] - first[1]).max())
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=BENCHMARKS, capture_output=True, text=True,
                         env=os.environ | {"PYTHONPATH": str(Path(numpy_vitmatte.__file__).parents[1])})  # fmt: skip
    assert run.returncode == 0, run.stderr
    difference, step = map(float, run.stdout.split())
    assert difference < 0.01 * step  # a first step of Adam is as long for a gradient of rounding alone as for any other
