"""Who is measured: each loads the model from a task's folder and gives a function from pixel values to alphas.

Every import is inside its function, so that a process holds one competitor alone. A task's folder holds the
``checkpoint`` in Hugging Face's layout and, for those who need them, ``model.onnx`` and OpenVINO's ``model.xml``, which
other processes made (``exports.py``): no competitor's memory counts an export.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

# (1, 4, H, W) to (1, 1, H, W), float32.
Forward = Callable[[np.ndarray], np.ndarray]

OURS = "numpy-vitmatte"


def load_ours(task: Path, threads: int, precision: str = "highest") -> Forward:
    """numpy-vitmatte."""
    from numpy_vitmatte import VitMatteForImageMatting, set_num_threads

    set_num_threads(threads)
    model = VitMatteForImageMatting.from_pretrained(task / "checkpoint", precision=precision)
    return lambda pixel_values: model(pixel_values).alphas


def load_openvino(task: Path, threads: int) -> Forward:
    """OpenVINO on its own format, told to finish one picture soon and to compute in float32."""
    return _openvino(task, threads, {"INFERENCE_PRECISION_HINT": "f32"})


def load_openvino_default(task: Path, threads: int) -> Forward:
    """OpenVINO as people install it: on processors with instructions for bfloat16 it computes in bfloat16."""
    return _openvino(task, threads, {})


def _openvino(task: Path, threads: int, more: dict[str, str]) -> Forward:
    import openvino

    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads} | more
    request = openvino.Core().compile_model(task / "model.xml", "CPU", settings).create_infer_request()
    return lambda pixel_values: request.infer([pixel_values])[0]


def load_onnxruntime(task: Path, threads: int) -> Forward:
    """ONNX Runtime with every graph optimization."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(task / "model.onnx", options, providers=["CPUExecutionProvider"])
    return lambda pixel_values: session.run(None, {"pixel_values": pixel_values})[0]


def load_torch(task: Path, threads: int) -> Forward:
    """PyTorch, eager, through transformers."""
    return _torch_forward(_torch_model(task, threads))


def load_torch_bfloat16(task: Path, threads: int) -> Forward:
    """PyTorch, eager, which chooses the operations that it computes in bfloat16."""
    import torch

    forward = _torch_forward(_torch_model(task, threads))

    def rounded(pixel_values: np.ndarray) -> np.ndarray:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return forward(pixel_values)

    return rounded


def load_torch_compile(task: Path, threads: int) -> Forward:
    """PyTorch after ``torch.compile``, for pictures of one size; the first call compiles."""
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"  # no helper processes that would share the processors
    import torch

    return _torch_forward(torch.compile(_torch_model(task, threads), dynamic=False))


def _torch_model(task: Path, threads: int) -> Callable:
    import torch
    from transformers import VitMatteForImageMatting

    torch.set_num_threads(threads)
    return VitMatteForImageMatting.from_pretrained(task / "checkpoint").eval()


def _torch_forward(model: Callable) -> Forward:
    import torch

    def forward(pixel_values: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return model(torch.from_numpy(pixel_values)).alphas.float().numpy()

    return forward


COMPETITORS: dict[str, Callable[[Path, int], Forward]] = {
    OURS: load_ours,
    "openvino": load_openvino,
    "onnxruntime": load_onnxruntime,
    "torch.compile": load_torch_compile,
    "torch": load_torch,
}

IN_BFLOAT16: dict[str, Callable[[Path, int], Forward]] = {
    f"{OURS}-medium": partial(load_ours, precision="medium"),
    "openvino-default": load_openvino_default,
    "torch-bf16": load_torch_bfloat16,
}
"""Those who round, where the processor gains from it: their alphas may differ from the others'."""

EVERYBODY = COMPETITORS | IN_BFLOAT16
