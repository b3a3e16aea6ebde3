"""``numpy-vitmatte download``: bring a checkpoint of the Hugging Face hub into the cache ahead of its use."""

import argparse

from numpy_vitmatte.cli.options import add_hub_options, check_hub_name

DESCRIPTION = """Download a checkpoint's config.json, preprocessor_config.json and weights from the Hugging Face hub
into its cache, where from_pretrained and --model (and transformers) find them without a network. Files that are there
are checked; whole ones are kept, and damaged ones are fetched again. The directory goes to stdout. The terms of the
data that the weights were trained on go to stderr. It needs huggingface_hub: pip install 'numpy-vitmatte[hub]'.

HF_HOME or HF_HUB_CACHE move the cache, HF_ENDPOINT names another hub, HF_TOKEN opens private checkpoints, HTTPS_PROXY
names a proxy."""

EXAMPLES = """examples:
  numpy-vitmatte download hustvl/vitmatte-small-composition-1k
  numpy-vitmatte download hustvl/vitmatte-base-composition-1k --revision refs/pr/3
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    add_hub_options(parser)


def run(arguments: argparse.Namespace) -> None:
    """Download, and print where the checkpoint lies.

    Raises
    ------
    VitMatteError
        If it cannot be downloaded.
    """
    from numpy_vitmatte.hub.fetch import fetch

    print(fetch(check_hub_name(arguments.name), arguments.revision, recheck=True))
