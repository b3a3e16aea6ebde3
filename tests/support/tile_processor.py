"""AMX for a processor that lacks it: a handler of the signal that its instructions raise.

Where a processor does not know an instruction, Linux sends SIGILL to the thread. ``install`` handles it: it reads the
instruction, does to eight tiles of that thread what Intel's manual says (volume 2), and goes on behind it. So the
machine code that LLVM writes for tiles runs on any x86-64 processor, some thousand times slower. An instruction that
the hardware would refuse, and one that the package has no use for, ends the process by SIGILL all the same.
"""

import ctypes
import signal

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic

NAMES = ("ldtilecfg", "tilerelease", "tileloadd", "tilestored", "tdpbf16ps")
"""The instructions that there are."""
_CONFIGURE, _RELEASE, _LOAD, _STORE, _MULTIPLY, _NONE = range(6)
_CODES = ((0x49, 0, _CONFIGURE), (0x4B, 3, _LOAD), (0x4B, 2, _STORE), (0x5C, 2, _MULTIPLY))
"""The code of each, and the number of its prefix (none, 66, F3, F2)."""

_THREADS, _TILES, _ROWS, _WORDS = 256, 8, 16, 16
_SIZE = _ROWS * _WORDS
_tiles = np.zeros((_THREADS, _TILES, _ROWS, _WORDS), np.uint32)
_configured = np.zeros(_THREADS, np.int64)
_widened = np.zeros((_THREADS, 4, _SIZE), np.uint32)
_counts = np.zeros((_THREADS, len(NAMES)), np.int64)
_TILES_AT, _CONFIGURED_AT, _WIDENED_AT, _COUNTS_AT = (
    array.ctypes.data for array in (_tiles, _configured, _widened, _counts)
)

_SAVED = np.array([13, 14, 12, 11, 15, 10, 9, 8, *range(8)])
"""Where Linux saves rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 to r15: places in ``gregs`` of ``ucontext_t``."""
_GREGS, _RIP = 40, 16
_SMALLEST = np.float32(2.0**-126)

_library = ctypes.CDLL(None)
_thread = _library.gettid
_thread.restype, _thread.argtypes = ctypes.c_int, []
_default = _library.signal
_default.restype, _default.argtypes = ctypes.c_size_t, [ctypes.c_int, ctypes.c_size_t]


@intrinsic
def _pointer(context, address, kind):
    signature = types.CPointer(kind.dtype)(types.uint64, kind)

    def generate(context, builder, signature, values):
        return builder.inttoptr(values[0], context.get_value_type(signature.return_type))

    return signature, generate


@numba.njit(error_model="numpy")
def _at(address, count, kind):
    """The numbers of a type at an address."""
    return numba.carray(_pointer(np.uint64(address), kind), count)


@numba.njit(error_model="numpy")
def _signed(code, first, size):
    """A number of so many bytes in an instruction."""
    number = 0
    for n in range(size):
        number |= np.int64(code[first + n]) << 8 * n
    top = np.int64(1) << (8 * size - 1)
    return (number ^ top) - top if size else 0


@numba.njit(error_model="numpy")
def _operand(code, registers, following):
    """The address of an operand in memory, the step between a tile's rows, and where the instruction ends.

    ``code[4]`` is its ModRM byte. The bits that extend register numbers are inverted in the second byte.
    """
    extended, modrm, sib = ~np.int64(code[1]), np.int64(code[4]), np.int64(code[5])
    mode, low, place, index, scale, base = modrm >> 6, modrm & 7, 5, 4, 0, modrm & 7
    if low == 4:
        index, scale, base, place = sib >> 3 & 7 | (extended & 0x40) >> 3, sib >> 6, sib & 7, 6
    size = (0, 1, 4)[mode]
    bare = mode == 0 and base == 5  # no register, but a number of four bytes; without a SIB byte beside rip
    end = place + (4 if bare else size)
    address = _signed(code, place, 4 if bare else size)
    if bare:
        address += 0 if low == 4 else following + end
    else:
        address += registers[_SAVED[base | (extended & 0x20) >> 2]]
    step = registers[_SAVED[index]] << scale if index != 4 else 0
    return address, step, end


@numba.njit(error_model="numpy")
def _flushed(x):
    return x if abs(x) >= _SMALLEST or x != x else np.copysign(np.float32(0), x)


@numba.njit(error_model="numpy")
def _multiply_add(sums, x, w, thread):
    """``TDPBF16PS``: the first numbers of all pairs are summed apart from the second ones, every step flushed."""
    bits, (pairs_x, pairs_w) = _WIDENED_AT + thread * 16 * _SIZE, (_at(x, _SIZE, np.uint32), _at(w, _SIZE, np.uint32))
    words, numbers = _at(bits, 4 * _SIZE, np.uint32), _at(bits, 4 * _SIZE, np.float32)
    for n in range(_SIZE):
        for half in range(2):
            words[half * _SIZE + n] = (pairs_x[n] & 0xFFFF0000) if half else pairs_x[n] << 16
            words[(2 + half) * _SIZE + n] = (pairs_w[n] & 0xFFFF0000) if half else pairs_w[n] << 16
    for n in range(4 * _SIZE):
        numbers[n] = _flushed(numbers[n])
    out = _at(sums, _SIZE, np.float32)
    for m in range(_ROWS):
        for n in range(_WORDS):
            one = other = np.float32(0)
            for k in range(_WORDS):
                one = _flushed(one + numbers[m * _WORDS + k] * numbers[2 * _SIZE + k * _WORDS + n])
                other = _flushed(other + numbers[_SIZE + m * _WORDS + k] * numbers[3 * _SIZE + k * _WORDS + n])
            own = m * _WORDS + n
            out[own] = _flushed(_flushed(out[own]) + _flushed(one + other))


@numba.njit(error_model="numpy")
def _is_full_layout(address):
    """Whether 64 bytes describe eight tiles of 16 rows of 64 bytes, in palette 1."""
    layout, right = _at(address, 64, np.uint8), True
    for n in range(64):
        expected = 1 if n == 0 else 64 if 16 <= n < 32 and n % 2 == 0 else 16 if 48 <= n < 56 else 0
        right &= layout[n] == expected
    return right


@numba.njit(error_model="numpy")
def _kind_of(code):
    """Which instruction it is: VEX with three bytes, the second table of codes, 128 bits, W = 0."""
    if code[0] != 0xC4 or code[1] & 0x1F != 2 or code[2] & 0x84:
        return _NONE
    if code[3] == 0x49 and code[4] == 0xC0 and code[2] & 3 == 0:
        return _RELEASE
    in_memory = code[4] < 0xC0
    for number, prefix, kind in _CODES:
        if code[3] == number and code[2] & 3 == prefix and in_memory == (kind != _MULTIPLY):
            return kind
    return _NONE


@numba.njit(error_model="numpy")
def _do(code, registers, thread):
    """Do an instruction and return its length; 0 if it is none of ours or the hardware would refuse it."""
    kind, configured = _kind_of(code), _at(_CONFIGURED_AT, _THREADS, np.int64)
    if kind == _NONE or (kind >= _LOAD and not configured[thread]):
        return 0
    tiles = _TILES_AT + thread * _TILES * 4 * _SIZE
    first, length = tiles + np.int64(code[4] >> 3 & 7) * 4 * _SIZE, 5
    if kind == _MULTIPLY:
        x, w = np.int64(code[4] & 7), ~np.int64(code[2]) >> 3 & 15
        if w >= _TILES or x == w or tiles + x * 4 * _SIZE == first or tiles + w * 4 * _SIZE == first:
            return 0
        _multiply_add(first, tiles + x * 4 * _SIZE, tiles + w * 4 * _SIZE, thread)
    elif kind == _RELEASE:
        configured[thread] = 0
    else:
        address, step, length = _operand(code, registers, registers[_RIP])
        if kind == _CONFIGURE:
            if not _is_full_layout(address):
                return 0
            configured[thread] = 1
            _at(tiles, _TILES * _SIZE, np.uint32)[:] = 0
        else:
            tile = _at(first, _SIZE, np.uint32)
            for m in range(_ROWS):
                line = _at(address + m * step, _WORDS, np.uint32)
                for n in range(_WORDS):
                    if kind == _LOAD:
                        tile[m * _WORDS + n] = line[n]
                    else:
                        line[n] = tile[m * _WORDS + n]
    _at(_COUNTS_AT, _THREADS * len(NAMES), np.int64)[thread * len(NAMES) + kind] += 1
    return length


@numba.cfunc(types.void(types.int32, types.int64, types.int64), error_model="numpy")
def _handle(number, information, context):
    registers = _at(context + _GREGS, _RIP + 1, np.int64)
    length = _do(_at(registers[_RIP], 15, np.uint8), registers, _thread() % _THREADS)
    registers[_RIP] += length
    if length == 0:
        _default(number, 0)  # the instruction raises the signal once more, and nobody handles it


class _Action(ctypes.Structure):
    """``struct sigaction`` of glibc on x86-64."""

    _fields_ = (
        ("handler", ctypes.c_void_p),
        ("mask", ctypes.c_ubyte * 128),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )


def install():
    """Handle SIGILL from now on."""
    with_context = 4  # SA_SIGINFO
    action = _Action(_handle.address, flags=with_context)
    assert _library.sigaction(signal.SIGILL, ctypes.byref(action), None) == 0


def counts():
    """How often each instruction was done, by its name; and by how many threads."""
    return dict(zip(NAMES, _counts.sum(0).tolist(), strict=True)), int(np.count_nonzero(_counts.sum(1)))
