"""The pickle inside ``torch.save``'s file, read by a machine of our own that can describe tensors and nothing else.

A pickle is a program for a machine with a stack and a memo (Python's ``pickletools.py`` explains every instruction).
Python's own machine cannot be made safe by overriding ``find_class`` alone: BUILD sets attributes of whatever it is
given, a memo index of 2**31 allocates as many slots, hashing nested tuples takes exponential time. So the instructions
that ``torch.save`` writes are carried out here, and every other is refused. Names are compared, never looked up. What
is built takes time and memory in proportion to the pickle's length.
"""

import math
import pickletools
from typing import Any, NamedTuple

from numpy_vitmatte.errors import CheckpointError

# PyTorch's storage classes, under the names of the safetensors format.
_STORAGES = {
    "torch.FloatStorage": "F32",
    "torch.HalfStorage": "F16",
    "torch.BFloat16Storage": "BF16",
    "torch.DoubleStorage": "F64",
    "torch.LongStorage": "I64",
    "torch.IntStorage": "I32",
    "torch.ShortStorage": "I16",
    "torch.CharStorage": "I8",
    "torch.ByteStorage": "U8",
    "torch.BoolStorage": "BOOL",
}
_CALLS = ("collections.OrderedDict", "torch.Size", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter")

_LITERALS = frozenset(
    ("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8")
)
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_NOTHING_TO_DO = frozenset(("PROTO", "FRAME", "STOP"))

# A dimension, stride, offset or number of items beyond this is no tensor's.
_LARGEST = 1 << 40
_MOST_DIMENSIONS = 8

# torch.save writes numbers of a few digits; without a limit each use could cost as much as the file is long.
_LONGEST_KEY = 40


class Storage(NamedTuple):
    """A run of items in the archive: their type under safetensors' name, the member's key, how many items."""

    dtype: str
    key: str
    length: int


class TensorView(NamedTuple):
    """A tensor as a view of a storage; offset and strides in items."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Global(NamedTuple):
    """An allowed name, ``module.name``; nothing of that name is imported."""

    name: str


def read_tensor_pickle(data: bytes, source: str) -> Any:
    """Carry out a pickle.

    Parameters
    ----------
    data : bytes
        The pickle.
    source : str
        What messages call the file.

    Returns
    -------
    object
        Dictionaries, lists and tuples of :class:`TensorView`, text, numbers, True, False and None.

    Raises
    ------
    CheckpointError
        If it is damaged, or asks for a name or an instruction that describes no tensor; the message says which.
    """
    machine = _Machine(source)
    try:
        for instruction, argument, _ in pickletools.genops(data):
            machine.step(instruction.name, argument)
        return machine.stack.pop()
    except CheckpointError:
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError, Warning) as error:
        # Whatever damaged bytes happen to mean, with Warning for a text's wrong escapes where warnings are errors; repr
        # keeps a message with line breaks on one line.
        raise CheckpointError(f"{source}: its pickle is damaged: {type(error).__name__}: {str(error)!r:.200}") from None


class _Machine:
    """Stack, marks in it, and memo."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        """Carry out one instruction."""
        stack = self.stack
        if name in _LITERALS:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _TUPLES:
            stack.append(tuple(self._popped(_TUPLES[name])))
        elif name not in _NOTHING_TO_DO:
            self._step_on_stack(name, argument)

    def _step_on_stack(self, name: str, argument: Any) -> None:
        stack = self.stack
        match name:
            case "MARK":
                self.marks.append(len(stack))
            case "TUPLE":
                stack.append(tuple(self._since_mark()))
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_LIST":
                stack.append([])
            case "APPEND" | "APPENDS":
                items = self._popped(1) if name == "APPEND" else self._since_mark()
                _of_type(list, stack[-1]).extend(items)
            case "SETITEM" | "SETITEMS":
                items = self._popped(2) if name == "SETITEM" else self._since_mark()
                _set_items(stack[-1], items)
            case "BINPUT" | "LONG_BINPUT":
                self.memo[argument] = stack[-1]
            case "MEMOIZE":
                self.memo[len(self.memo)] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(self.memo[argument])
            case "BUILD":
                # Attributes of a state dict (_metadata); the tensors do not need them.
                self._popped(1)
                _of_type(dict, stack[-1])
            case "BINPERSID":
                stack.append(self._storage(stack.pop()))
            case "REDUCE":
                call, arguments = self._popped(2)
                stack.append(_called(call, arguments))
            case _:
                stack.append(self._global(name, argument))

    def _global(self, instruction: str, argument: Any) -> _Global:
        """Return an allowed name, however it is written; every other name, and every instruction left, is refused."""
        match instruction:
            case "GLOBAL" | "INST":
                name = argument.replace(" ", ".", 1)
            case "STACK_GLOBAL":
                module, inner = self._popped(2)
                name = f"{_of_type(str, module)}.{_of_type(str, inner)}"
            case _:
                raise CheckpointError(
                    f"{self.source}: its pickle uses the instruction {instruction}, which torch.save does not need for "
                    "tensors, so it is not read"
                )
        if instruction == "INST" or (name not in _CALLS and name not in _STORAGES):
            raise CheckpointError(
                f"{self.source}: its pickle asks for {ascii(name)[1:-1]:.200}, which builds no tensor; such a file can "
                "run any program, so it is not read"
            )
        return _Global(name)

    def _storage(self, reference: Any) -> Storage:
        match reference:
            case ("storage", _Global(kind), str(key), _, int(length)) if kind in _STORAGES:
                if len(key) <= _LONGEST_KEY and key.isalnum():
                    return Storage(_STORAGES[kind], key, length)
        raise CheckpointError(f"{self.source}: its pickle refers to something outside that is no storage of tensors")

    def _popped(self, count: int) -> list[Any]:
        """Return the topmost `count` values, the deepest first."""
        if not 0 <= count <= len(self.stack):
            raise ValueError("too few values on the stack")
        start = len(self.stack) - count
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def _since_mark(self) -> list[Any]:
        return self._popped(len(self.stack) - self.marks.pop())


def _of_type(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{type(value).__name__} in the place of {kind.__name__}")
    return value


def _set_items(target: Any, items: list[Any]) -> None:
    """Fill a dictionary.

    Keys are text, or numbers as optimizers count parameters. The hash of nested tuples can take forever, and numbers
    beyond the hash's modulus can be chosen to have all the same.
    """
    _of_type(dict, target)
    for key, value in zip(items[::2], items[1::2], strict=True):
        if type(key) is not str and not (type(key) is int and abs(key) < _LARGEST):
            raise TypeError(f"{type(key).__name__} as a key")
        target[key] = value


def _called(call: Any, arguments: Any) -> Any:
    """Carry out the few calls that ``torch.save`` writes; gradients and hooks do not matter.

    A tensor's seventh argument would say that its values are to be negated or conjugated: it is not taken.
    """
    match call, arguments:
        case _Global("collections.OrderedDict"), ():
            return {}
        case _Global("torch.Size"), (tuple(shape),):
            return shape
        case _Global("torch._utils._rebuild_tensor_v2"), (Storage() as storage, offset, shape, strides, _, _):
            return _view(storage, offset, shape, strides)
        case _Global("torch._utils._rebuild_parameter"), (TensorView() as view, _, _):
            return view
    name = call.name if isinstance(call, _Global) else type(call).__name__
    raise ValueError(f"{name} is called with other arguments than torch.save writes")


def _view(storage: Storage, offset: Any, shape: Any, strides: Any) -> TensorView:
    rank = len(_of_type(tuple, shape))
    # Before anything is shown: a tuple of a million numbers would make a long message.
    if rank != len(_of_type(tuple, strides)) or rank > _MOST_DIMENSIONS:
        raise ValueError(f"a tensor has {rank} dimensions and {len(strides)} strides")
    numbers = [offset, *shape, *strides]
    if not all(type(number) is int for number in numbers):
        raise TypeError("a tensor's offset, shape and strides must be whole numbers")
    # Sides of 0 count as 1: NumPy refuses (0, 2**40, 2**40) as well.
    if not all(0 <= number < _LARGEST for number in numbers) or math.prod(side or 1 for side in shape) > _LARGEST:
        raise ValueError(f"a tensor has the impossible shape {shape}, strides {strides} or offset {offset}")
    return TensorView(storage, offset, shape, strides)
