"""The methods of PyTorch modules that scripts call before the model; here they change nothing, or refuse."""

from typing import Self

import numpy as np

from numpy_vitmatte.runtime.placement import announce_float32, check_placement


class InferenceModule:
    """A network that is on the CPU, in float32, for inference, and stays so.

    Methods return the module itself, so that they can be chained: ``model.to("cpu").eval()``.

    Attributes
    ----------
    device : str
        ``"cpu"``.
    dtype : numpy.dtype
        float32.
    training : bool
        False.
    """

    device = "cpu"
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
