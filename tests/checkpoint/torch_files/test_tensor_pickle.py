"""The pickle machine: what torch.save writes is understood, every other program is refused before it has any effect.

The programs are written out in the pickle's own language; ``python -m pickletools`` shows any of them in words.
"""

import pickle
import struct
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.torch_files import called, pickled, reference, storage

from numpy_vitmatte.checkpoint.torch_files.tensor_pickle import Storage, TensorView, read_tensor_pickle
from numpy_vitmatte.errors import CheckpointError


def text(value):
    """BINUNICODE."""
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def whole(number):
    """LONG1."""
    encoded = pickle.encode_long(number)
    return b"\x8a" + bytes([len(encoded)]) + encoded


TOUCH = text("touch harm")
SYSTEM = b"cos\nsystem\n"
ORDERED = b"ccollections\nOrderedDict\n"
REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"
STORAGE = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + b"K\x06tQ"


def refusal(program):
    """The message with which a program is refused; one line, and not a long one."""
    with pytest.raises(CheckpointError) as caught:
        read_tensor_pickle(program, "x.pth")
    message = str(caught.value)
    assert message.startswith("x.pth: its pickle ")
    assert "\n" not in message
    assert message.isprintable()
    assert len(message) < 500
    return message


# What is understood --------------------------------------------------------------------------------------------------

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=300),
    lambda inner: st.one_of(
        st.lists(inner), st.lists(inner).map(tuple), st.dictionaries(st.text() | st.integers(-9, 99), inner)
    ),
    max_leaves=20,
)


@given(plain, st.integers(2, 5))
def test_plain_values_as_python_reads_them(content, protocol):
    data = pickle.dumps(content, protocol)
    found = read_tensor_pickle(data, "x.pth")
    assert found == pickle.loads(data)
    assert pickle.dumps(found, protocol) == pickle.dumps(pickle.loads(data), protocol)  # True is not 1


def test_a_tensor():
    expected = TensorView(Storage("F32", "0", 6), 1, (2, 2), (3, 1))
    program = REBUILD + b"(" + STORAGE + b"K\x01K\x02K\x02\x86K\x03K\x01\x86\x89" + ORDERED + b")RtR."
    assert read_tensor_pickle(program, "x.pth") == expected
    parameter = b"ctorch._utils\n_rebuild_parameter\n" + program[:-1] + b"\x88" + ORDERED + b")R\x87R."
    assert read_tensor_pickle(parameter, "x.pth") == expected
    sized = program.replace(b"K\x02K\x02\x86", b"ctorch\nSize\nK\x02K\x02\x86\x85R")
    assert read_tensor_pickle(sized, "x.pth") == expected
    stacked = program.replace(b"ctorch\nFloatStorage\n", text("torch") + text("FloatStorage") + b"\x93")
    assert read_tensor_pickle(stacked, "x.pth") == expected


def test_attributes_of_a_dictionary_are_dropped():
    """``_metadata`` of a module's state dict."""
    program = ORDERED + b")R" + text("a") + b"K\x01s}" + text("_metadata") + b"}sb."
    assert read_tensor_pickle(program, "x.pth") == {"a": 1}


# What is refused -----------------------------------------------------------------------------------------------------

NAMES = "asks for os.system, which builds no tensor; such a file can run any program, so it is not read"
INSTRUCTION = "uses the instruction {}, which torch.save does not need for tensors, so it is not read"

CALLS = {
    "GLOBAL and REDUCE": (SYSTEM + TOUCH + b"\x85R.", NAMES),
    "GLOBAL alone": (SYSTEM + b".", NAMES),
    "GLOBAL taken away again": (b"}" + SYSTEM + b"0.", NAMES),
    "STACK_GLOBAL": (b"\x80\x04\x8c\x02os\x8c\x06system\x93" + TOUCH + b"\x85R.", NAMES),
    "STACK_GLOBAL out of the memo": (text("os") + b"\x94" + text("system") + b"\x940h\x00h\x01\x93.", "damaged|POP"),
    "STACK_GLOBAL of an allowed module": (
        text("torch") + text("serialization.os.system") + b"\x93.",
        "asks for torch.serialization.os.system, which builds no tensor",
    ),
    "STACK_GLOBAL of dots": (
        text("torch._utils") + text("_rebuild_tensor_v2.__globals__") + b"\x93.",
        "asks for torch._utils._rebuild_tensor_v2.__globals__, which builds no tensor",
    ),
    "STACK_GLOBAL of no text": (b"K\x01K\x02\x93.", "int in the place of str"),
    "INST": (b"(" + TOUCH + b"ios\nsystem\n.", NAMES),
    "INST of an allowed name": (b"(icollections\nOrderedDict\n.", "asks for collections.OrderedDict, which builds no"),
    "OBJ": (b"(" + ORDERED + TOUCH + b"o.", INSTRUCTION.format("OBJ")),
    "OBJ of a global": (b"(" + SYSTEM + TOUCH + b"o.", NAMES),
    "NEWOBJ": (ORDERED + b")\x81.", INSTRUCTION.format("NEWOBJ")),
    "NEWOBJ of a global": (SYSTEM + b")\x81.", NAMES),
    "NEWOBJ_EX": (ORDERED + b")}\x92.", INSTRUCTION.format("NEWOBJ_EX")),
    "EXT1": (b"\x80\x02\x82\x01.", INSTRUCTION.format("EXT1")),
    "EXT2": (b"\x80\x02\x83\x01\x00.", INSTRUCTION.format("EXT2")),
    "EXT4": (b"\x80\x02\x84\x01\x00\x00\x00.", INSTRUCTION.format("EXT4")),
    "PERSID": (b"Pos.system\n.", INSTRUCTION.format("PERSID")),
    "BUILD of a global": (ORDERED + b"}" + text("__reduce__") + SYSTEM + b"sb.", NAMES),
    "BUILD of an allowed name": (ORDERED + b"}" + text("name") + text("os.system") + b"sb.", "_Global in the place of"),
    "BUILD of a tuple": (b")}b.", "tuple in the place of dict"),
    "BUILD of a text": (text("a") + b"}b.", "str in the place of dict"),
    "BUILD of two states": (STORAGE + b"N}\x86b.", "Storage in the place of dict"),
    "STRING": (b"S'a'\n.", INSTRUCTION.format("STRING")),
    "STRING with a wrong escape": (b"S'\\d'\n.", "damaged: DeprecationWarning|instruction STRING"),
    "BINBYTES": (b"B\x01\x00\x00\x00a.", INSTRUCTION.format("BINBYTES")),
    "EMPTY_SET": (b"\x8f.", INSTRUCTION.format("EMPTY_SET")),
    "DUP": (b"}2.", INSTRUCTION.format("DUP")),
    "LONG4": (b"\x8b\x01\x00\x00\x00\x01.", INSTRUCTION.format("LONG4")),
    "NEXT_BUFFER": (b"\x97.", INSTRUCTION.format("NEXT_BUFFER")),
    "a name with line breaks": (
        text("os") + text("a\nb\x1b[2J\u2028") + b"\x93.",
        r"asks for os.a\nb\x1b[2J\u2028, which builds no tensor",
    ),
    "a name as long as the file": (text("o" * 100_000) + text("s") + b"\x93.", "asks for " + "o" * 200 + ", which"),
}


@pytest.mark.parametrize("kind", CALLS)
def test_every_way_of_calling(kind, tmp_path, monkeypatch):
    """By whatever instruction a name is reached: nothing runs."""
    monkeypatch.chdir(tmp_path)
    program, expected = CALLS[kind]
    message = refusal(program)
    assert any(part in message for part in expected.split("|"))
    assert list(tmp_path.iterdir()) == []


def test_python_would_have_run_it(tmp_path, monkeypatch):
    """The programs above are sound: Python's own machine obeys them."""
    monkeypatch.chdir(tmp_path)
    for kind in ("GLOBAL and REDUCE", "STACK_GLOBAL", "INST", "OBJ of a global"):
        pickle.loads(CALLS[kind][0])
        (tmp_path / "harm").unlink()


CALLED_WRONGLY = {
    "a storage": (called("torch", "FloatStorage", 10**9), "torch.FloatStorage is called with other arguments"),
    "a dictionary of pairs": (called("collections", "OrderedDict", [["a", 1]]), "OrderedDict is called with other"),
    "a size of a list": (called("torch", "Size", [1]), "torch.Size is called with other arguments"),
    "a tensor of nothing": (called("torch._utils", "_rebuild_tensor_v2"), "_rebuild_tensor_v2 is called with other"),
    "a tensor of a text": (called("torch._utils", "_rebuild_tensor_v2", "a", 0, (), (), 0, 0), "called with other"),
    "a tensor to be negated": (
        called("torch._utils", "_rebuild_tensor_v2", storage("FloatStorage", "0", "", 1), 0, (), (), 0, {}, {"neg": 1}),
        "torch._utils._rebuild_tensor_v2 is called with other arguments than torch.save writes",
    ),
    "a parameter of a text": (called("torch._utils", "_rebuild_parameter", "a", 0, 0), "_rebuild_parameter is called"),
}  # fmt: skip


@pytest.mark.parametrize("kind", CALLED_WRONGLY)
def test_allowed_names_with_other_arguments(kind):
    content, expected = CALLED_WRONGLY[kind]
    assert expected in refusal(pickled(content))


def test_calls_of_what_is_no_name():
    assert "str is called with other arguments" in refusal(text("os.system") + TOUCH + b"\x85R.")
    assert "dict is called with other arguments" in refusal(b"})R.")


REFERENCES = {
    "a number": 3,
    "a text": "storage",
    "none": None,
    "nothing": reference().parts,
    "two": ("storage", "0"),
    "another word": reference("module", called("torch", "Size", ()), "0", "cpu", 1).parts,
    "a storage class by its name": ("storage", "torch.FloatStorage", "0", "cpu", 1),
    "nested": ((("storage",),),),
}


@pytest.mark.parametrize("kind", REFERENCES)
def test_references_to_no_storage(kind):
    program = pickled(REFERENCES[kind])[:-1] + b"Q."
    assert refusal(program) == "x.pth: its pickle refers to something outside that is no storage of tensors"


@pytest.mark.parametrize("key", ["", "../0", "/etc/passwd", "a\n", "0\0", "0" * 41, 0, None])
def test_keys_that_name_no_member(key):
    assert "no storage of tensors" in refusal(pickled(storage("FloatStorage", key, "cpu", 1)))


def test_storages_of_other_lengths():
    assert "no storage of tensors" in refusal(pickled(storage("FloatStorage", "0", "cpu", "1")))
    assert "no storage of tensors" in refusal(pickled(storage("FloatStorage", "0", "cpu", 1.0)))
    assert "asks for torch.QInt8Storage, which builds no tensor" in refusal(
        pickled(storage("QInt8Storage", "0", "cpu", 1))
    )


@pytest.mark.parametrize(
    ("offset", "shape", "strides", "expected"),
    [
        (-1, (1,), (1,), "impossible shape (1,), strides (1,) or offset -1"),
        (0, (-1,), (1,), "impossible shape (-1,), strides (1,)"),
        (0, (2,), (-1,), "impossible shape (2,), strides (-1,)"),
        (1 << 40, (1,), (1,), "impossible shape (1,), strides (1,) or offset 1099511627776"),
        (0, (1 << 63,), (0,), "impossible shape (9223372036854775808,)"),
        (0, (1 << 20, 1 << 21), (0, 0), "impossible shape (1048576, 2097152)"),
        (0, (0, 1 << 39, 1 << 39), (1, 1, 1), "impossible shape (0, 549755813888, 549755813888)"),
        (0, (1 << 2000,), (0,), "impossible shape (114813069527425"),
        (0, (2,), (1, 1), "a tensor has 1 dimensions and 2 strides"),
        (0, (1,) * 9, (1,) * 9, "a tensor has 9 dimensions and 9 strides"),
        (0, (1.0,), (1,), "must be whole numbers"),
        (0, (True,), (1,), "must be whole numbers"),
        (None, (1,), (1,), "must be whole numbers"),
        (0, [1], (1,), "list in the place of tuple"),
        (0, (1,), "1", "str in the place of tuple"),
        (0, ((1,),), (1,), "must be whole numbers"),
    ],
)
def test_impossible_views(offset, shape, strides, expected):
    items = storage("FloatStorage", "0", "cpu", 10**18)
    content = called("torch._utils", "_rebuild_tensor_v2", items, offset, shape, strides, False, {})
    assert expected in refusal(pickled(content))


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (b"", "damaged"),
        (b"}", "damaged: ValueError: 'pickle exhausted before seeing STOP'"),
        (b".", "damaged: IndexError"),
        (b"\xff.", "damaged: ValueError"),
        (b"R.", "too few values on the stack"),
        (b"}R.", "too few values on the stack"),
        (b"t.", "damaged: IndexError"),
        (b"}(\x850t.", "instruction POP"),
        (b"}}(\x86t.", "too few values on the stack"),
        (b"}K\x01s.", "damaged: IndexError"),
        (b"}(K\x01u.", "damaged: ValueError"),
        (b")(K\x01K\x01u.", "tuple in the place of dict"),
        (b"}K\x01a.", "dict in the place of list"),
        (b"]](K\x01e(K\x01K\x02u.", "list in the place of dict"),
        (b"q\x00.", "damaged: IndexError"),
        (b"h\x07.", "damaged: KeyError: '7'"),
        (b"j\xff\xff\xff\x7f.", "damaged: KeyError: '2147483647'"),
        (b"X\xff\xff\xff\xffab.", "damaged: ValueError"),
        (b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", "damaged: ValueError"),
        (b"X\x01\x00\x00\x00\xff.", "damaged: UnicodeDecodeError"),
        (b"}N}s.", "NoneType as a key"),
        (b"})Ns.", "tuple as a key"),
        (b"}G\x00\x00\x00\x00\x00\x00\x00\x00Ns.", "float as a key"),
        (b"}\x88Ns.", "bool as a key"),
        (b"}" + whole(1 << 61) + b"Ns.", "int as a key"),
        (b"}" + whole(-(1 << 61)) + b"Ns.", "int as a key"),
        (b"}ctorch\nSize\nNs.", "_Global as a key"),
    ],
)
def test_damaged_programs(program, expected):
    message = refusal(program)
    assert any(part in message for part in expected.split("|"))


# Programs that ask for much ------------------------------------------------------------------------------------------


def nested_pairs(depth):
    """A tuple of two times the same tuple of two times the same ...: printed, hashed or compared, 2**depth long."""
    return b")" + b"".join(b"q" + bytes([i]) + b"h" + bytes([i]) + b"\x86" for i in range(depth))


BOMBS = {
    "a memo index that allocates": (b"}r\xff\xff\xff\xff.", None),
    "nested lists": (b"]" + b"]" * 100_000 + b"a" * 100_000 + b".", None),
    "nested tuples": (b")" + b"\x85" * 150_000 + b".", None),
    "nested dictionaries": (b"}" + b"K\x01}" * 70_000 + b"s" * 70_000 + b".", None),
    "laughs": (nested_pairs(250) + b".", None),
    "laughs as a key": (b"}" + nested_pairs(250) + b"Ns.", "tuple as a key"),
    "laughs as a reference": (nested_pairs(250) + b"Q.", "no storage of tensors"),
    "laughs as a storage's key": (
        b"(" + text("storage") + b"ctorch\nFloatStorage\n" + nested_pairs(250) + text("cpu") + b"K\x06tQ.",
        "no storage of tensors",
    ),
    "laughs as a call": (nested_pairs(250) + b")R.", "tuple is called with other arguments"),
    "laughs as arguments": (REBUILD + nested_pairs(250) + b"R.", "_rebuild_tensor_v2 is called with other arguments"),
    "laughs as a shape": (
        REBUILD + b"(" + STORAGE + b"K\x00" + nested_pairs(250) + b"K\x01\x85\x89}tR.", "2 dimensions and 1 strides"
    ),
    "laughs as sides": (
        REBUILD + b"(" + STORAGE + b"K\x00" + nested_pairs(250) + b"\x85K\x01\x85\x89}tR.", "must be whole numbers"
    ),
    "laughs as a name": (text("os") + nested_pairs(250) + b"\x93.", "tuple in the place of str"),
    "a shape of many sides": (
        b"".join((REBUILD, b"(", STORAGE, b"K\x00(", whole(1 << 2000), b"q\0", b"h\0" * 400_000, b"tq\1h\1\x89}tR.")),
        "400001 dimensions and 400001 strides",
    ),
    "numbers of one hash": (
        b"}(" + b"".join(whole(number * (2**61 - 1)) + b"N" for number in range(40_000)) + b"u.", "int as a key"
    ),
    "a number of many digits": (b"L" + b"9" * 900_000 + b"L\n.", "damaged: ValueError"),
    "a list within itself": (b"]q\x00" + b"h\x00a" * 100_000 + b".", None),
    "marks": (b"(" * 900_000 + b".", "damaged: IndexError"),
    "memo": (b"}" + b"\x94" * 900_000 + b".", None),
}  # fmt: skip


@pytest.mark.parametrize("kind", BOMBS)
def test_time_and_memory_in_proportion_to_the_length(kind):
    """Each is under a megabyte, and would take other machines for ever or all memory; tracing makes it slow enough."""
    program, expected = BOMBS[kind]
    assert len(program) <= 1_000_000
    tracemalloc.start()
    try:
        if expected is None:
            read_tensor_pickle(program, "x.pth")
        else:
            assert expected in refusal(program)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 200 * len(program) + 100_000


# Any program at all --------------------------------------------------------------------------------------------------

instructions = st.sampled_from(
    [
        *(bytes([code]) for code in range(256)),
        *(bytes([code]) for code in b"(}])\x85\x86\x87tRuseabQ\x94"),
        ORDERED, REBUILD, STORAGE, b"ctorch._utils\n_rebuild_parameter\n", b"ctorch\nSize\n", b"ctorch\nFloatStorage\n",
        SYSTEM, b"K\x01", b"K\x02\x85", b"q\x00", b"h\x00", text("a"), text("storage"), whole(1 << 70), whole(-1),
    ]
)  # fmt: skip


@settings(max_examples=400)
@given(st.lists(instructions, max_size=30))
def test_fuzzed_programs(parts):
    """Read, or refused by an error of ours."""
    program = b"".join(parts) + b"."
    try:
        read_tensor_pickle(program, "x.pth")
    except CheckpointError:
        refusal(program)
