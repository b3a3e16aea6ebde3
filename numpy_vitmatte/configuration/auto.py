"""``AutoConfig``, under which scripts may ask for the one configuration that there is."""

from typing import Any

from numpy_vitmatte.configuration.vitmatte import VitMatteConfig


class AutoConfig:
    """Another name for :class:`VitMatteConfig` where a checkpoint is read."""

    @staticmethod
    def from_pretrained(*arguments: Any, **options: Any) -> VitMatteConfig:
        """Read the configuration of a checkpoint, as :meth:`VitMatteConfig.from_pretrained` does."""
        return VitMatteConfig.from_pretrained(*arguments, **options)
