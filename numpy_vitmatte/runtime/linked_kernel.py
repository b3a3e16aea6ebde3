"""Kernels that call each other by name: the machine code of each exists once in a process.

Where one Numba function calls another, Numba links the other's code into its own. LLVM then optimizes it again and
writes it out again in every function that reaches it, however many calls lie between. With the micro-kernel at the
bottom of nearly everything that was two thirds of all compilation. Here the caller holds only a *symbol*, the other's
name, and LLVM's linker finds the address under it, as it finds those of functions written in C. A call takes a few
nanoseconds; kernels of a few lines are therefore still linked in (``INLINED`` of ``jit.py``).
"""

import contextlib
import copy
import gc
import hashlib
import inspect
from collections.abc import Iterator
from typing import Any

import llvmlite.binding
import numba
from numba import types
from numba.core.errors import TypingError
from numba.core.registry import CPUDispatcher
from numba.core.targetconfig import ConfigStack

Types = tuple[Any, ...]


class _Kernel(CPUDispatcher):
    """A compiled kernel. References to arrays are counted only in kernels that make, return or receive new arrays."""

    def compile(self, signature: Any) -> Any:
        """Compile the kernel for some types, or load it from the disk.

        Raises
        ------
        TypingError
            It returns arrays, and it or the kernel that calls it counts no references.
        """
        caller = ConfigStack.top_or_none()
        entry_point = self.provide(signature)
        counts = self.targetoptions["_nrt"] and (caller is None or caller.nrt)
        if not counts and any(_holds_arrays(kind.return_type) for kind in self.nopython_signatures):
            raise TypingError(f"{_name(self)} returns arrays: it and the kernels that call it need allocates=True")
        return entry_point

    def provide(self, signature: Any) -> Any:
        """Compile the kernel, or load it, for code from the disk. That code calls it, not whatever is compiled now."""
        with _no_garbage_collection():
            return super().compile(signature)


def _holds_arrays(kind: Any) -> bool:
    return isinstance(kind, types.Array) or any(_holds_arrays(part) for part in getattr(kind, "types", ()))


class InlinedKernel(_Kernel):
    """A kernel whose code is linked into its callers; Python, which calls it seldom, runs the plain function."""

    def __call__(self, *arguments: Any) -> Any:
        """Run the plain function."""
        return self.py_func(*arguments)


class LinkedKernel(_Kernel):
    """A kernel that other kernels call by its symbol."""

    def add_overload(self, result: Any) -> None:
        """Take in machine code for one signature, new or from the disk, and give it its symbol."""
        super().add_overload(result)
        symbol = _symbol(self, result.signature.args)
        address = result.library.get_pointer_to_function(result.fndesc.llvm_func_name)
        llvmlite.binding.add_symbol(symbol, address)
        _linked[symbol] = self, result.signature.args
        # Callers declare the symbol, and link no library.
        declared = copy.copy(result.fndesc)
        declared.mangled_name = symbol
        self.targetctx.remove_user_function(result.entry_point)
        self.targetctx.insert_user_function(result.entry_point, declared)


class InnerKernel(LinkedKernel):
    """A linked kernel that only other kernels call. It is compiled without the code that takes Python's objects apart.

    That code is a fifth of a small kernel's compilation. Where Python calls the kernel nevertheless, as tests do, a
    function that has such code and calls this one is compiled.
    """

    def __call__(self, *arguments: Any) -> Any:
        """Call the kernel from Python."""
        return self._entry()(*arguments)

    def _entry(self) -> Any:
        if not hasattr(self, "_from_python"):
            self._from_python = numba.njit(_calling(self, len(inspect.signature(self.py_func).parameters)), nogil=True)
        return self._from_python


def _calling(callee: Any, count: int) -> Any:
    names = ", ".join(f"argument_{n}" for n in range(count))
    return eval(f"lambda {names}: callee({names})", {"callee": callee, "__name__": __name__})


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Keep Python from looking for garbage while a kernel compiles: that takes a tenth of the time and finds little."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


_linked: dict[str, tuple[LinkedKernel, Types]] = {}
_kernels: dict[str, LinkedKernel] = {}


def _name(kernel: CPUDispatcher) -> str:
    return f"{kernel.py_func.__module__}.{kernel.py_func.__qualname__}"


def register(kernel: LinkedKernel) -> None:
    """Make a kernel known under its name, which code on the disk refers to."""
    _kernels[_name(kernel)] = kernel


def _symbol(kernel: LinkedKernel, arguments: Types) -> str:
    """Name a kernel's code for some types: the same in every process."""
    return f"{_name(kernel)}.{hashlib.sha256(str(arguments).encode()).hexdigest()[:16]}"


def needed_by(result: Any) -> list[tuple[str, Types]]:
    """List the kernels, and their types, whose symbols are in some new machine code."""
    return [(_name(kernel), arguments) for kernel, arguments in _found(result)]


def _found(result: Any) -> Iterator[tuple[LinkedKernel, Types]]:
    for function in result.library._final_module.functions:
        if function.is_declaration and function.name in _linked:
            yield _linked[function.name]


def provide(needed: list[tuple[str, Types]]) -> None:
    """Load or compile kernels, so that machine code that has their symbols can be linked."""
    for name, arguments in needed:
        _kernels[name].provide(arguments)
