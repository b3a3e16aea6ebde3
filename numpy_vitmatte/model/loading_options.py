"""The keywords of the model's ``from_pretrained``, under the names of transformers, each with its meaning here."""

from collections.abc import Mapping
from typing import Any

from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.hub.options import HubOptions, HubSource, split_options
from numpy_vitmatte.runtime.placement import announce_float32, require_cpu

_OVERRIDES = ("config", "output_hidden_states", "output_attentions", "return_dict", "precision")


class LoadingOptions(HubOptions, total=False):
    """Keywords of the model's ``from_pretrained``; None stands for the default.

    Attributes
    ----------
    dtype, torch_dtype
        A floating-point type, of NumPy or torch, or its name. Weights of every type are loaded, and computed in
        float32; a warning says so for any other type.
    device_map
        The CPU: ``"cpu"``, ``"auto"``, or a dict of these.
    config : VitMatteConfig
        The configuration to use in place of the checkpoint's.
    output_hidden_states, output_attentions, return_dict : bool
        They override those of the configuration.
    precision : {"highest", "high", "medium"}
        The precision of products: see :class:`~numpy_vitmatte.VitMatteForImageMatting`.
    attn_implementation : str
        It is accepted and ignored: there is one implementation.
    """

    dtype: object
    torch_dtype: object
    device_map: object
    config: VitMatteConfig | None
    output_hidden_states: bool | None
    output_attentions: bool | None
    return_dict: bool | None
    precision: str | None
    attn_implementation: object


def checked_options(options: Mapping[str, Any], revision: str | None) -> tuple[HubSource, dict[str, Any]]:
    """Divide the keywords into the source of the files and what overrides the configuration.

    Raises
    ------
    TypeError
        If there is no such option.
    VitMatteError
        If a device other than the CPU is asked for, or a value is not of its kind.

    Warns
    -----
    UserWarning
        If a type other than float32 is asked for.
    """
    source, given = split_options(options, revision)
    given.pop("attn_implementation", None)
    older = given.pop("torch_dtype", "float32")
    announce_float32(given.pop("dtype", older))
    _require_cpu_everywhere(given.pop("device_map", "cpu"))
    unknown = [name for name in given if name not in _OVERRIDES]
    if unknown:
        raise TypeError(f"from_pretrained() has no option {', '.join(unknown)}")
    return source, given


def _require_cpu_everywhere(device_map: object) -> None:
    for device in device_map.values() if isinstance(device_map, Mapping) else (device_map,):
        if device != "auto":
            require_cpu(device)
