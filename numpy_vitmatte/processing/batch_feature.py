"""The processor gives a dict whose entries are attributes too."""

from typing import Any, Self

from numpy_vitmatte.images.tensors import is_tensor
from numpy_vitmatte.runtime.placement import check_placement


class BatchFeature(dict[str, Any]):
    """The processor's result: a dict, for ``model(**inputs)``, whose entries are attributes too."""

    def __getattr__(self, name: str) -> Any:
        """Return entry `name`."""
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def data(self) -> dict[str, Any]:
        """The entries."""
        return self

    def to(self, *places: object, device: object = None, dtype: object = None, non_blocking: bool = False) -> Self:
        """Stay on the CPU, where arrays are. Tensors take another floating-point type if one is asked for.

        Raises
        ------
        VitMatteError
            If another device than the CPU is asked for.
        """
        check_placement(*places, device=device, dtype=dtype)
        for name, value in self.items():
            if is_tensor(value):
                named = {"device": device, "dtype": dtype, "non_blocking": non_blocking}
                self[name] = value.to(*places, **{key: setting for key, setting in named.items() if setting})
        return self
