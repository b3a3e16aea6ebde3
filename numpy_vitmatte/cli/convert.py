"""``numpy-vitmatte convert``: a PyTorch checkpoint to a directory of safetensors."""

import argparse
from pathlib import Path

from numpy_vitmatte.checkpoint.conversion import convert
from numpy_vitmatte.cli.messages import logger
from numpy_vitmatte.cli.options import add_output_options

DESCRIPTION = """Convert the checkpoints that the authors of ViTMatte published (.pth), or a pytorch_model.bin, to
config.json, preprocessor_config.json and model.safetensors, without PyTorch. The file's pickle can build tensors and
nothing else: one that asks for more is refused. --force replaces a directory that is empty or holds a checkpoint, never
one with other files. The directory's path goes to stdout."""

EXAMPLES = """examples:
  numpy-vitmatte convert ViTMatte_S_Com.pth vitmatte-small
  numpy-vitmatte matte photo.jpg trimap.png -o alpha.png --model ./vitmatte-small
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("source", metavar="FILE", type=Path, help="a file that torch.save wrote")
    parser.add_argument("directory", metavar="OUT_DIR", type=Path, help="the directory to make")
    add_output_options(parser)


def run(arguments: argparse.Namespace) -> None:
    """Convert, and print where the checkpoint lies.

    Raises
    ------
    VitMatteError
        Before anything stands under the directory's name.
    """
    config = convert(arguments.source, arguments.directory, arguments.force)
    backbone = config.backbone_config
    logger.info("network: %d blocks of width %d", backbone.num_hidden_layers, backbone.hidden_size)
    print(arguments.directory)
