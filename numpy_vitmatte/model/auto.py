"""``AutoModelForImageMatting``: another name, for scripts, of the one model that there is."""

from typing import Any

from numpy_vitmatte.model.image_matting import VitMatteForImageMatting


class AutoModelForImageMatting:
    """Another name for :class:`VitMatteForImageMatting` where a model is made."""

    @staticmethod
    def from_pretrained(*arguments: Any, **options: Any) -> VitMatteForImageMatting:
        """Call :meth:`VitMatteForImageMatting.from_pretrained`."""
        return VitMatteForImageMatting.from_pretrained(*arguments, **options)

    @staticmethod
    def from_config(*arguments: Any, **options: Any) -> VitMatteForImageMatting:
        """Call :meth:`VitMatteForImageMatting.from_config`."""
        return VitMatteForImageMatting.from_config(*arguments, **options)
