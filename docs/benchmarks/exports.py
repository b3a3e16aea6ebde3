"""Make ``model.onnx`` and OpenVINO's ``model.xml`` for one size, each in a process that ends before any is timed."""

import subprocess
import sys
import warnings
from pathlib import Path

# Who needs which file; OpenVINO's is made from the ONNX file.
NEEDS = {"onnxruntime": ("onnx",), "openvino": ("onnx", "openvino"), "openvino-default": ("onnx", "openvino")}


def export(task: Path, height: int, width: int, names: list[str]) -> dict[str, str]:
    """Make the files that these competitors need; by name of those who must now go without, why."""
    failed: dict[str, str] = {}
    for step in STEPS:
        waiting = [name for name in names if step in NEEDS.get(name, ()) and name not in failed]
        if not waiting:
            continue
        command = [sys.executable, __file__, step, str(task), str(height), str(width)]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode:
            last_line = (run.stderr.strip() or f"exit status {run.returncode}").splitlines()[-1]
            failed |= dict.fromkeys(waiting, f"export to {step}: {last_line}")
    return failed


def export_onnx(task: Path, height: int, width: int) -> None:
    """PyTorch's exporter follows shapes alone, so that even a large picture needs no memory."""
    import torch
    from transformers import VitMatteForImageMatting

    class Alphas(torch.nn.Module):
        """The model with one plain output."""

        def __init__(self) -> None:
            super().__init__()
            self.model = VitMatteForImageMatting.from_pretrained(task / "checkpoint")

        def forward(self, pixel_values):
            return self.model(pixel_values).alphas

    warnings.simplefilter("ignore")
    torch.onnx.export(
        Alphas().eval(),
        (torch.zeros(1, 4, height, width),),
        task / "model.onnx",
        dynamo=True,
        input_names=["pixel_values"],
        output_names=["alphas"],
        verbose=False,
    )


def export_openvino(task: Path, height: int, width: int) -> None:
    """OpenVINO's own format with float32 weights; the size is the ONNX file's."""
    import openvino

    openvino.save_model(openvino.convert_model(task / "model.onnx"), task / "model.xml", compress_to_fp16=False)


STEPS = {"onnx": export_onnx, "openvino": export_openvino}

if __name__ == "__main__":
    STEPS[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
