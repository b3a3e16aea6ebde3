"""The methods of PyTorch modules that scripts call before the model; here they change nothing, or refuse."""

from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from numpy_vitmatte.runtime.placement import announce_float32, check_placement


class Cpu(str):
    """The name of the only device, with what scripts ask a ``torch.device``; it is equal to that of the CPU.

    Attributes
    ----------
    type : str
    index : None
    """

    __slots__ = ()
    type = "cpu"
    index = None  # type: ignore[assignment]  # in place of the method of strings, which nobody asks of a device

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


class InferenceModule:
    """A network that is on the CPU, in float32, for inference, and stays so.

    Methods return the module itself, so that they can be chained: ``model.to("cpu").eval()``.

    Attributes
    ----------
    device : Cpu
        ``"cpu"``.
    main_input_name : str
    dtype : numpy.dtype
        float32.
    training : bool
        False.
    """

    device = Cpu("cpu")
    main_input_name = "pixel_values"
    dtype = np.dtype(np.float32)
    training = False

    def eval(self) -> Self:
        """Change nothing: batch norms always use their stored statistics, and nothing is dropped out."""
        return self

    def train(self, mode: bool = True) -> Self:
        """Change nothing for False: a model has no mode, and gradients are asked for by their name.

        Raises
        ------
        NotImplementedError
            For True.
        """
        if mode:
            raise NotImplementedError(
                "a model has no training mode, and arrays keep no gradients: model.gradients(pixel_values, alphas) "
                "computes them, numpy_vitmatte.training.finetune(...) trains"
            )
        return self

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Change nothing for False.

        Raises
        ------
        NotImplementedError
            For True.
        """
        return self.train(requires_grad)

    def to(self, *places: object, device: object = None, dtype: object = None, non_blocking: bool = False) -> Self:
        """Stay on the CPU and in float32.

        Raises
        ------
        VitMatteError
            If a device other than the CPU is asked for.

        Warns
        -----
        UserWarning
            If another floating-point type is asked for.
        """
        check_placement(*places, device=device, dtype=dtype)
        return self

    def cpu(self) -> Self:
        """Change nothing."""
        return self

    def cuda(self, device: object = "cuda") -> Self:
        """Refuse, as :meth:`to` does with a device that is not there."""
        return self.to(device=device)

    def float(self) -> Self:
        """Change nothing."""
        return self

    def half(self) -> Self:
        """Stay in float32, and warn of it."""
        announce_float32("half")
        return self

    def bfloat16(self) -> Self:
        """Stay in float32, and warn of it."""
        announce_float32("bfloat16")
        return self

    def double(self) -> Self:
        """Stay in float32, and warn of it."""
        announce_float32("double")
        return self

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """Yield names and weights, the batch norms' statistics left out."""
        raise NotImplementedError

    def parameters(self) -> Iterator[Any]:
        """Yield the weights, the batch norms' statistics left out: tensors where the caller has imported torch."""
        return (value for _, value in self.named_parameters())
