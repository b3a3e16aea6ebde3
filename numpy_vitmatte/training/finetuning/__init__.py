"""Folders of photos and alphas in, a better checkpoint out: fine-tuning that can be killed and continued."""

from numpy_vitmatte.training.finetuning.finetune import FinetuneResult, finetune
from numpy_vitmatte.training.finetuning.settings import FinetuneOptions

__all__ = ["FinetuneOptions", "FinetuneResult", "finetune"]
