"""The shape of a network, read from and written to ``config.json``."""

from numpy_vitmatte.configuration.auto import AutoConfig
from numpy_vitmatte.configuration.vitdet import VitDetConfig
from numpy_vitmatte.configuration.vitmatte import CONFIG_FILE, VitMatteConfig

__all__ = ["CONFIG_FILE", "AutoConfig", "VitDetConfig", "VitMatteConfig"]
