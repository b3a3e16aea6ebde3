"""The shape of a network: ``VitMatteConfig``, read from and written to a checkpoint's ``config.json``.

Fields are named as in Hugging Face transformers (``VitMatteConfig``, ``VitDetConfig``), whose checkpoints leave out
what equals those classes' defaults: the base model's ``config.json`` says neither ``hidden_size`` nor
``num_attention_heads``. What this package does not compute is refused when the object is built, never ignored.
"""

import os
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, dataclass, field, replace
from typing import Any, ClassVar, Self, Unpack

from numpy_vitmatte.configuration import checks as check
from numpy_vitmatte.configuration.fields import apply_checks, fields_to_dict, keeps_unknown_keys, split_unknown
from numpy_vitmatte.configuration.vitdet import VitDetConfig
from numpy_vitmatte.errors import ConfigurationError, shown, warn
from numpy_vitmatte.files.json_object import settings_file
from numpy_vitmatte.files.json_settings import JsonSettings
from numpy_vitmatte.hub.file_names import CONFIG_FILE
from numpy_vitmatte.hub.options import HubOptions, split_options
from numpy_vitmatte.hub.resolve import checkpoint_directory

__all__ = ["CONFIG_FILE", "VitDetConfig", "VitMatteConfig"]

# Photo and trimap: red, green, blue and one trimap channel.
_INPUT_CHANNELS = 4

# Keys that ask for another backbone or for packed weights; false, null or empty, they ask for nothing.
_UNSUPPORTED_KEYS = (
    "backbone",
    "backbone_kwargs",
    "use_timm_backbone",
    "use_pretrained_backbone",
    "quantization_config",
)

_CHECKS: dict[str, check.FieldCheck] = {
    "hidden_size": check.positive_integer,
    "batch_norm_eps": check.positive_number,
    "initializer_range": check.positive_number,
    "convstream_hidden_sizes": check.decoder_channels,
    "fusion_hidden_sizes": check.decoder_channels,
    "output_hidden_states": check.boolean,
    "output_attentions": check.boolean,
    "return_dict": check.boolean,
}

# They describe no network but what a call returns, so scripts may set them at any time.
_SETTABLE = ("output_hidden_states", "output_attentions", "return_dict")

# What VitMatteConfig() of transformers writes of its backbone: 3 channels in, 768 wide, next to a decoder of 384.
_UNBUILDABLE_DEFAULT = VitDetConfig(out_features=("stage4",))


def _small_backbone() -> VitDetConfig:
    """Return the backbone of ViTMatte-S, as in hustvl/vitmatte-small-composition-1k."""
    return VitDetConfig(
        hidden_size=384,
        num_attention_heads=6,
        num_channels=_INPUT_CHANNELS,
        image_size=512,
        window_size=14,
        window_block_indices=(0, 1, 3, 4, 6, 7, 9, 10),
        residual_block_indices=(2, 5, 8, 11),
        use_relative_position_embeddings=True,
    )


def _says_unbuildable_default(values: Mapping[str, Any]) -> bool:
    """Say whether hidden size and backbone are the defaults of transformers."""
    backbone = values["backbone_config"]
    if not isinstance(backbone, Mapping) or values.get("hidden_size", 384) != 384:
        return False
    return replace(VitDetConfig.from_dict(backbone), extra={}) == _UNBUILDABLE_DEFAULT


@keeps_unknown_keys
@dataclass(unsafe_hash=True)
class VitMatteConfig(JsonSettings):
    """Backbone and decoder of a ViTMatte network (Yao et al. 2023, arXiv:2305.15272); the default is ViTMatte-S.

    Parameters
    ----------
    backbone_config : VitDetConfig or mapping
        The backbone; a mapping is read with :meth:`VitDetConfig.from_dict`.
    hidden_size : int
        Channels the decoder takes from the backbone: the backbone's own ``hidden_size``.
    batch_norm_eps : float
        Epsilon of the decoder's batch norms (the matting head's is always 1e-5).
    initializer_range : float
        Standard deviation of the decoder's random initial weights.
    convstream_hidden_sizes : sequence of int
        Channels of the detail maps at 1/2, 1/4, 1/8, ... of the image size.
    fusion_hidden_sizes : sequence of int
        Channels after each fusion block, from coarse to fine: one more than detail maps (the last fuses the image
        itself). Each block doubles rows and columns, so the patch size is 2 to the power of their number.
    output_hidden_states, output_attentions, return_dict : bool
        What a call of the model returns when it does not say. These alone may be set later
        (``config.output_hidden_states = True``), also of a model's configuration.
    extra : mapping
        Further keys of the file, kept for the round trip. Unknown keywords become such keys.

    Raises
    ------
    ConfigurationError
        If a field has a value of the wrong type or out of range, if fields contradict each other, or if they ask for
        something that is not computed here.
    FrozenInstanceError
        When another field is set later: the network is built, :func:`dataclasses.replace` describes another one.

    Notes
    -----
    transformers 5.23 gives ``VitMatteConfig()`` a 3-channel, 768-wide backbone and this 384-wide decoder, of which
    no network can be built; here it is the published small model.
    """

    FILE_NAME: ClassVar[str] = CONFIG_FILE
    model_type: ClassVar[str] = "vitmatte"

    backbone_config: VitDetConfig = field(default_factory=_small_backbone)
    hidden_size: int = 384
    batch_norm_eps: float = 1e-5
    initializer_range: float = 0.02
    convstream_hidden_sizes: tuple[int, ...] = (48, 96, 192)
    fusion_hidden_sizes: tuple[int, ...] = (256, 128, 64, 32)
    output_hidden_states: bool = field(default=False, hash=False)
    output_attentions: bool = field(default=False, hash=False)
    return_dict: bool = field(default=True, hash=False)
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if isinstance(self.backbone_config, Mapping):
            object.__setattr__(self, "backbone_config", VitDetConfig.from_dict(self.backbone_config))
        if not isinstance(self.backbone_config, VitDetConfig):
            raise ConfigurationError(
                f"VitMatteConfig.backbone_config must be a VitDetConfig or a mapping, "
                f"found {shown(self.backbone_config)}"
            )
        apply_checks(self, _CHECKS)
        for key in _UNSUPPORTED_KEYS:
            if self.extra.get(key):
                raise ConfigurationError(f"VitMatteConfig.{key} {shown(self.extra[key])} is not supported")
        self._check_decoder()

    def __setattr__(self, name: str, value: Any) -> None:
        """Set one of the three settings that describe no network; before the last field is there, set any."""
        if "extra" in self.__dict__:
            if name not in _SETTABLE:
                raise FrozenInstanceError(
                    f"VitMatteConfig.{name} cannot be set: a configuration describes one network for good, only "
                    f"{', '.join(_SETTABLE)} may change; dataclasses.replace(config, {name}=...) makes another one"
                )
            value = _CHECKS[name](f"VitMatteConfig.{name}", value)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        """Refuse."""
        raise FrozenInstanceError(f"VitMatteConfig.{name} cannot be deleted")

    def _check_decoder(self) -> None:
        backbone, fusion, convstream = self.backbone_config, self.fusion_hidden_sizes, self.convstream_hidden_sizes
        if backbone.num_channels != _INPUT_CHANNELS:
            raise ConfigurationError(
                f"VitMatteConfig.backbone_config.num_channels must be {_INPUT_CHANNELS} (a photo's three and its "
                f"trimap), found {backbone.num_channels}"
            )
        if self.hidden_size != backbone.hidden_size:
            raise ConfigurationError(
                f"VitMatteConfig.hidden_size {self.hidden_size} differs from its backbone's {backbone.hidden_size}"
            )
        if len(fusion) != len(convstream) + 1:
            raise ConfigurationError(
                "VitMatteConfig.fusion_hidden_sizes must have one entry more than convstream_hidden_sizes, "
                f"found {list(fusion)} and {list(convstream)}"
            )
        if backbone.patch_size != 2 ** len(fusion):
            raise ConfigurationError(
                f"VitMatteConfig.backbone_config.patch_size must be {2 ** len(fusion)}, found {backbone.patch_size}: "
                f"each of the {len(fusion)} fusion blocks doubles rows and columns"
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from the contents of a ``config.json``.

        Absent keys take transformers' defaults: below ``backbone_config`` those of :class:`VitDetConfig`.

        Raises
        ------
        ConfigurationError
            As the class, and if ``backbone_config`` is absent: the backbone transformers would then build does not
            fit its decoder.

        Warns
        -----
        UserWarning
            If it is what ``VitMatteConfig()`` of transformers writes. ViTMatte-S is taken, which it is documented to
            be; no network can be built of what it says.
        """
        known, extra = split_unknown(cls, values)
        if known.get("backbone_config") is None:
            key = next((key for key in _UNSUPPORTED_KEYS if extra.get(key)), None)
            found = f"{key} {shown(extra[key])} is not supported" if key else "there is none"
            raise ConfigurationError(f"VitMatteConfig.backbone_config must describe a VitDet backbone; {found}")
        if _says_unbuildable_default(known):
            warn(
                "this is transformers' VitMatteConfig(), of which no network can be built: its backbone is 768 wide "
                "and its decoder 384; ViTMatte-S is taken, which it is documented to be",
                stacklevel=2,
            )
            del known["backbone_config"]
        return cls(**known, extra=extra)

    def to_dict(self) -> dict[str, Any]:
        """Return every field and every unknown key, as the contents of a ``config.json``."""
        return {
            **fields_to_dict(self),
            "backbone_config": self.backbone_config.to_dict(),
            "model_type": self.model_type,
        }

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        revision: str | None = None,
        **options: Unpack[HubOptions],
    ) -> Self:
        """Read the ``config.json`` of a checkpoint, given by bundled name, directory or name on the hub.

        Parameters
        ----------
        pretrained_model_name_or_path : str or path
        revision : str, optional
            Branch, tag, commit or pull request of the hub's repository.
        **options
            Those of :class:`~numpy_vitmatte.hub.options.HubOptions`; other keywords take the place of the file's.

        Raises
        ------
        CheckpointError
            If there is no such checkpoint.
        DownloadError
            If it is the hub's and cannot be downloaded.
        ConfigurationError
            If the file is absent, is not a JSON object, or describes a network that is not computed here.
        """
        source, others = split_options(options, revision)
        directory = checkpoint_directory(pretrained_model_name_or_path, source, (CONFIG_FILE,))
        with settings_file(directory / CONFIG_FILE) as values:
            return cls.from_dict(values | others)
