"""The backbone's shape: ``VitDetConfig``, the ``backbone_config`` of a checkpoint's ``config.json``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from numpy_vitmatte.configuration import checks as check
from numpy_vitmatte.configuration.fields import apply_checks, fields_to_dict, keeps_unknown_keys, split_unknown
from numpy_vitmatte.configuration.stages import aligned_stages, stage_names
from numpy_vitmatte.errors import ConfigurationError, shown

_CHECKS: dict[str, check.FieldCheck] = {
    "hidden_size": check.positive_integer,
    "num_hidden_layers": check.block_count,
    "num_attention_heads": check.positive_integer,
    "mlp_ratio": check.positive_ratio,
    "hidden_act": check.exact_gelu_name,
    "dropout_prob": check.probability,
    "initializer_range": check.positive_number,
    "layer_norm_eps": check.positive_number,
    "image_size": check.image_side,
    "pretrain_image_size": check.square_side,
    "patch_size": check.square_side,
    "num_channels": check.positive_integer,
    "qkv_bias": check.boolean,
    "drop_path_rate": check.probability,
    "window_block_indices": check.block_indices,
    "residual_block_indices": check.block_indices,
    "use_absolute_position_embeddings": check.boolean,
    "use_relative_position_embeddings": check.boolean,
    "window_size": check.window_size,
    "out_features": check.optional(check.stage_names),
    "out_indices": check.optional(check.stage_indices),
}


@keeps_unknown_keys
@dataclass(frozen=True)
class VitDetConfig:
    """The backbone: a plain vision transformer with windowed and global blocks (Li et al. 2022, arXiv:2203.16527).

    The defaults are those of transformers' ``VitDetConfig``; the backbone of ``VitMatteConfig()`` is another one.

    Parameters
    ----------
    hidden_size : int
        Width C of the tokens, a multiple of ``num_attention_heads``.
    num_hidden_layers : int
        Number of transformer blocks.
    num_attention_heads : int
        Attention heads per block, each ``hidden_size // num_attention_heads`` wide.
    mlp_ratio : int or float
        Width of a block's hidden MLP layer over ``hidden_size``.
    hidden_act : str
        Activation of MLP and neck: ``"gelu"``, the exact GELU with the error function.
    dropout_prob, drop_path_rate : float
        Used in training only; kept for the round trip.
    initializer_range : float
        Standard deviation of random initial weights.
    layer_norm_eps : float
        Epsilon of the blocks' layer norms (the residual neck's is always 1e-6).
    image_size : int or pair of int
        Side in pixels, or (rows, columns), of the training image: it sizes the global blocks' relative position tables.
    pretrain_image_size : int or pair of int
        Side in pixels of the pretraining image: it sizes the absolute position table.
    patch_size : int or pair of int
        Side of a patch in pixels.
    num_channels : int
        Channels of the input image.
    qkv_bias : bool
        Whether the query, key and value projection has a bias.
    window_block_indices : sequence of int
        Blocks, counted from 0, that attend within windows; all others attend globally.
    residual_block_indices : sequence of int
        Blocks that are followed by a convolutional residual bottleneck (the neck).
    use_absolute_position_embeddings, use_relative_position_embeddings : bool
        Which position embeddings the network has.
    window_size : int
        Side of a window in tokens; 0 when no block is windowed.
    out_features, out_indices : sequence of str, sequence of int, optional
        Stages handed to the decoder, as names (``"stem"``, ``"stage1"``, ...) or numbers; the decoder takes the last.
        Each follows from the other; without both it is the last stage. Both are filled in once the object is built.
    extra : mapping
        Further keys of the file (``"id2label"``, ...), kept for the round trip. Unknown keywords become such keys.

    Raises
    ------
    ConfigurationError
        If a field has a value of the wrong type or out of range, if fields contradict each other, or if they ask for
        something that is not computed here.
    """

    model_type: ClassVar[str] = "vitdet"

    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    mlp_ratio: int | float = 4
    hidden_act: str = "gelu"
    dropout_prob: float = 0.0
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-6
    image_size: int | tuple[int, int] = 224
    pretrain_image_size: int = 224
    patch_size: int = 16
    num_channels: int = 3
    qkv_bias: bool = True
    drop_path_rate: float = 0.0
    window_block_indices: tuple[int, ...] = ()
    residual_block_indices: tuple[int, ...] = ()
    use_absolute_position_embeddings: bool = True
    use_relative_position_embeddings: bool = False
    window_size: int = 0
    out_features: tuple[str, ...] | None = None
    out_indices: tuple[int, ...] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        apply_checks(self, _CHECKS)
        names, indices = aligned_stages(self.num_hidden_layers, self.out_features, self.out_indices)
        object.__setattr__(self, "out_features", names)
        object.__setattr__(self, "out_indices", indices)
        self._check_sizes()
        self._check_blocks()

    def _check_sizes(self) -> None:
        if self.hidden_size % self.num_attention_heads:
            raise ConfigurationError(
                f"VitDetConfig.hidden_size {self.hidden_size} cannot be divided among "
                f"num_attention_heads {self.num_attention_heads}"
            )
        if self.mlp_hidden_size < 1:
            raise ConfigurationError(f"VitDetConfig.mlp_ratio {self.mlp_ratio} leaves the MLP without hidden units")
        if self.residual_block_indices and self.hidden_size < 2:
            raise ConfigurationError("VitDetConfig.hidden_size must be at least 2 where there are residual blocks")
        for name, grid in (("image_size", self.global_grid), ("pretrain_image_size", (self.pretrain_grid,))):
            if min(grid) < 1:
                raise ConfigurationError(
                    f"VitDetConfig.{name} {getattr(self, name)} is smaller than patch_size {self.patch_size}"
                )

    def _check_blocks(self) -> None:
        for name in ("window_block_indices", "residual_block_indices"):
            # transformers ignores these silently, and builds another network than the file describes.
            beyond = [index for index in getattr(self, name) if index >= self.num_hidden_layers]
            if beyond:
                raise ConfigurationError(
                    f"VitDetConfig.{name} names block {beyond[0]}, but num_hidden_layers {self.num_hidden_layers} "
                    f"allows 0 to {self.num_hidden_layers - 1}"
                )
        if self.window_block_indices and self.window_size == 0:
            raise ConfigurationError(
                f"VitDetConfig.window_block_indices {shown(list(self.window_block_indices))} asks for windows, "
                "but window_size is 0"
            )

    @property
    def feature_index(self) -> int:
        """Number of blocks after which the decoder's features are taken; 0 means the patch embedding ("stem")."""
        assert self.out_indices is not None
        return self.out_indices[-1]

    @property
    def stage_names(self) -> tuple[str, ...]:
        """Names of the patch embedding's output and of each block's: ``("stem", "stage1", ...)``."""
        return stage_names(self.num_hidden_layers)

    @property
    def head_size(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.num_attention_heads

    @property
    def mlp_hidden_size(self) -> int:
        """Width of a block's hidden MLP layer."""
        return int(self.hidden_size * self.mlp_ratio)

    @property
    def global_grid(self) -> tuple[int, int]:
        """(rows, columns) of tokens for which the global blocks' relative position tables are stored."""
        rows, columns = (self.image_size,) * 2 if isinstance(self.image_size, int) else self.image_size
        return rows // self.patch_size, columns // self.patch_size

    @property
    def pretrain_grid(self) -> int:
        """Side, in tokens, of the square grid for which the absolute position table is stored."""
        return self.pretrain_image_size // self.patch_size

    def attention_grid(self, block: int) -> tuple[int, int]:
        """Return (rows, columns) of tokens for which the relative position tables of this block are stored."""
        return (self.window_size,) * 2 if block in self.window_block_indices else self.global_grid

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from the ``backbone_config`` of a ``config.json``; absent keys take the defaults of this class."""
        known, extra = split_unknown(cls, values)
        stages = extra.pop("stage_names", None)
        config = cls(**known, extra=extra)
        if stages is not None and check.stage_names("VitDetConfig.stage_names", stages) != config.stage_names:
            raise ConfigurationError(
                f"VitDetConfig.stage_names must be {shown(list(config.stage_names))}, found {shown(stages)}"
            )
        return config

    def to_dict(self) -> dict[str, Any]:
        """Return every field and every unknown key, as the ``backbone_config`` of a ``config.json``."""
        return {**fields_to_dict(self), "stage_names": list(self.stage_names), "model_type": self.model_type}
