"""``AutoImageProcessor``, under which scripts may ask for the one image processor that there is."""

from typing import Any

from numpy_vitmatte.processing.processor import VitMatteImageProcessor


class AutoImageProcessor:
    """Another name for :class:`VitMatteImageProcessor` where a checkpoint is read."""

    @staticmethod
    def from_pretrained(*arguments: Any, **options: Any) -> VitMatteImageProcessor:
        """Read the processor of a checkpoint, as :meth:`VitMatteImageProcessor.from_pretrained` does."""
        return VitMatteImageProcessor.from_pretrained(*arguments, **options)


class AutoProcessor(AutoImageProcessor):
    """Another name for :class:`AutoImageProcessor`."""


VitMatteImageProcessorFast = VitMatteImageProcessorPil = VitMatteImageProcessor
"""transformers has several for one job, of which one is imported by name."""
