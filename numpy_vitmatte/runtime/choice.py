"""A function that stands for one of several kernels, which the types of its arguments choose.

Numba has ``overload`` for this. It compiles a function that calls the kernel, types it once more for each caller, and
puts its lines there. Here Numba asks which kernel it is, and writes the call.
"""

import functools
from collections.abc import Callable
from typing import Any

from numba import types
from numba.extending import models, register_model, typeof_impl


class Choice:
    """A function that calls the kernel of its choice, which ``chosen_by_types`` makes."""

    def __init__(self, choose: Callable[..., Any]) -> None:
        functools.update_wrapper(self, choose)
        self.choose = choose

    def __call__(self, *arguments: Any) -> Any:
        """Call the chosen kernel from Python."""
        return self.choose(*arguments)(*arguments)


def chosen_by_types(choose: Callable[..., Any]) -> Any:
    """Decorate a function that returns the kernel which is to be called in its place, with the same arguments.

    The function gets the arguments, or where a kernel calls it their types in Numba. It may read what both have: the
    ``dtype`` of an array, whose name they share, and the items of a tuple by number.
    """
    return Choice(choose)


class _ChoiceType(types.Callable, types.Opaque):
    """The type of a ``Choice`` in kernels: all that it does is done by the type of the chosen kernel."""

    def __init__(self, choice: Choice) -> None:
        self._choose = choice.choose
        super().__init__(f"choice({choice.choose.__module__}.{choice.choose.__qualname__})")

    def get_call_type(self, context: Any, args: Any, kws: Any) -> Any:
        return types.Dispatcher(self._choose(*args)).get_call_type(context, args, kws)

    def get_call_signatures(self) -> tuple[tuple[Any, ...], bool]:
        return (), True

    def get_impl_key(self, sig: Any) -> Any:
        return types.Dispatcher(self._choose(*sig.args)).get_impl_key(sig)


register_model(_ChoiceType)(models.OpaqueModel)


@typeof_impl.register(Choice)
def _type_of_choice(choice: Choice, _: Any) -> _ChoiceType:
    return _ChoiceType(choice)
