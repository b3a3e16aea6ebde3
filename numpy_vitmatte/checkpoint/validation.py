"""Compare a set of tensors with its configuration, and tell all that differs in one message."""

import re
from collections.abc import Mapping

import numpy as np

from numpy_vitmatte.checkpoint.tensor_shapes import Shape, batch_counter_names, parameter_shapes
from numpy_vitmatte.configuration import VitMatteConfig
from numpy_vitmatte.errors import CheckpointError

# So many tensors of each kind are named; a whole missing block would fill the screen.
_NAMED = 4

_PUBLISHED = {(384, 12): "ViTMatte-S", (768, 12): "ViTMatte-B"}


class Differences:
    """Collects the faults of a set of tensors; names and shapes are compared at once, values as they are read.

    Parameters
    ----------
    config : VitMatteConfig
        The network.
    shapes : mapping of str to tuple of int
        Name -> shape of the tensors found.

    Attributes
    ----------
    comparable : list of str
        Names of the tensors that are there and have the right shape.
    """

    def __init__(self, config: VitMatteConfig, shapes: Mapping[str, Shape]) -> None:
        self._faults: dict[str, list[str]] = {}
        self._headline = _wholesale_difference(config, shapes)
        expected = parameter_shapes(config)
        counters: dict[str, Shape] = dict.fromkeys(batch_counter_names(config), ())
        self.comparable = [name for name, shape in expected.items() if shapes.get(name) == shape]
        for name in expected:
            if name not in shapes:
                self.add("missing", name)
        for name, shape in shapes.items():
            wanted = expected.get(name, counters.get(name))
            if wanted is None:
                self.add("unexpected", name)
            elif shape != wanted:
                self.add("misshapen", f"{name} is {shape}, expected {wanted}")

    def add(self, kind: str, tensor: str) -> None:
        """Note one fault: its kind, and the tensor with what there is to say about it."""
        self._faults.setdefault(kind, []).append(tensor)

    def check_values(self, name: str, values: np.ndarray) -> None:
        """Note a tensor with values that no trained network has: NaN, infinite, or a negative variance."""
        if not np.isfinite(values).all():
            self.add("not finite", f"{name} ({int((~np.isfinite(values)).sum())} of {values.size} values)")
        elif name.endswith(".running_var") and (values < 0).any():
            self.add("negative variance", name)

    def raise_if_any(self, source: str) -> None:
        """Raise a :class:`CheckpointError` that lists every kind of fault with its first few tensors."""
        if not self._faults:
            return
        found = [f"{len(names)} {kind}: {_first_few(names)}" for kind, names in self._faults.items()]
        raise CheckpointError(f"{source} do not fit the configuration: " + "; ".join([*self._headline, *found]))


def _first_few(names: list[str]) -> str:
    named = ", ".join(names[:_NAMED])
    return named if len(names) <= _NAMED else f"{named} and {len(names) - _NAMED} more"


def _wholesale_difference(config: VitMatteConfig, shapes: Mapping[str, Shape]) -> list[str]:
    """Return one sentence if the tensors are those of a network of another size, else nothing."""
    projection = shapes.get("backbone.embeddings.projection.weight", ())
    numbers = [re.match(r"backbone\.encoder\.layer\.(\d+)\.", name) for name in shapes]
    blocks = 1 + max((int(number[1]) for number in numbers if number), default=-1)
    if len(projection) != 4 or blocks == 0:
        return []
    found = (projection[0], blocks)
    wanted = (config.backbone_config.hidden_size, config.backbone_config.num_hidden_layers)
    if found == wanted:
        return []
    network = _PUBLISHED.get(found, "network")
    return [
        f"the tensors are those of a {found[0]}-wide, {found[1]}-block {network}, but the configuration says "
        f"{wanted[0]} wide, {wanted[1]} blocks: take the config.json that belongs to these weights"
    ]
