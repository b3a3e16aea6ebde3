"""The profiles: whose preprocessing is done, by name."""

from numpy_vitmatte.errors import ConfigurationError
from numpy_vitmatte.processing.hustvl import HustvlImageProcessor
from numpy_vitmatte.processing.processor import VitMatteImageProcessor

PROFILES = ("hf", "hustvl")


def profile_processor(profile: str, processor: VitMatteImageProcessor | None = None) -> VitMatteImageProcessor | None:
    """Choose the processor that a profile stands for.

    Parameters
    ----------
    profile : {"hf", "hustvl"}
        What the checkpoint's ``preprocessor_config.json`` says, or what ViTMatte's authors do.
    processor : VitMatteImageProcessor, optional
        One that the caller chose; it takes the file's place, and goes with "hf" alone.

    Returns
    -------
    VitMatteImageProcessor or None
        None means the checkpoint's own.

    Raises
    ------
    ConfigurationError
        Another name, or a processor together with another profile.
    """
    if profile not in PROFILES:
        raise ConfigurationError(f"profile is {profile!r}; expected {' or '.join(map(repr, PROFILES))}")
    if profile == "hf":
        return processor
    if processor is not None:
        raise ConfigurationError(f"profile {profile!r} brings a processor of its own; give one or the other")
    return HustvlImageProcessor()
