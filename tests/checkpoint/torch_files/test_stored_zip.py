"""The archive around a PyTorch file: plain ones are read, those that hide, repeat or blow up anything are refused."""

import struct
import tracemalloc
import warnings
import zipfile

import pytest

from numpy_vitmatte.checkpoint.torch_files.stored_zip import open_stored_zip
from numpy_vitmatte.errors import CheckpointError

MEMBERS = {"a/data.pkl": b"pickled", "a/data/0": bytes(range(200)), "a/empty": b""}
CENTRAL, LOCAL, END = b"PK\1\2", b"PK\3\4", b"PK\5\6"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.pth"


@pytest.fixture
def sound(path):
    """The bytes of a file with three members."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in MEMBERS.items():
            archive.writestr(name, content)
    return path.read_bytes()


def read_all(path):
    """Every member's content."""
    with open_stored_zip(path) as archive:
        return {name: archive.read(name) for name in archive.names}


def refusal(path, content):
    """The one line with which a file is refused."""
    path.write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        read_all(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert message.isprintable()
    assert len(message) < len(str(path)) + 300
    return message.removeprefix(str(path))


def changed(content, signature, number, offset, new):
    """The file with other bytes at an offset of its number-th record of a kind."""
    position = -1
    for _ in range(number + 1):
        position = content.index(signature, position + 1)
    position += offset
    return content[:position] + new + content[position + len(new) :]


def test_members(path, sound):
    with open_stored_zip(path) as archive:
        assert archive.file_size == len(sound)
        assert archive.names == list(MEMBERS)
        for name, content in MEMBERS.items():
            assert archive.size(name) == len(content)
            assert archive.read(name) == content
        with pytest.raises(CheckpointError, match=r"x\.pth is damaged: it has no 'a/data/1'$"):
            archive.read("a/data/1")


def test_an_error_of_the_caller_stays_as_it_is(path, sound):
    with pytest.raises(ValueError, match=r"^mine$"), open_stored_zip(path):
        raise ValueError("mine")


def zip64(content, position=None, length=None):
    """A file with the two records more that zip64 has, as PyTorch always writes them."""
    end = content.index(END)
    entries, size, start = struct.unpack("<HII", content[end + 10 : end + 20])
    length = size if length is None else length
    record = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, entries, entries, length, start)
    locator = b"PK\6\7" + struct.pack("<IQI", 0, end if position is None else position, 1)
    return content[:end] + record + locator + content[end:]


def test_zip64(path, sound):
    path.write_bytes(zip64(sound))
    with open_stored_zip(path) as archive:
        assert archive.read("a/data/0") == MEMBERS["a/data/0"]
    # zipfile only looks at the record where the short fields are full.
    full = changed(zip64(sound), END, 0, 12, b"\xff" * 8)
    path.write_bytes(full)
    with open_stored_zip(path) as archive:
        assert archive.read("a/data/0") == MEMBERS["a/data/0"]
    assert "its zip64 record is not at the end" in refusal(path, zip64(sound, position=7))
    message = refusal(path, changed(zip64(sound, length=1 << 40), END, 0, 12, b"\xff" * 4))
    assert message == ": its list of members of 1099511627776 bytes is too long for a network's tensors"


@pytest.mark.parametrize("content", [b"", b"P", b"hello" * 100, LOCAL * 50])
def test_other_files(path, content):
    expected = " is no zip archive as torch.save writes it, or a damaged one: it does not end as an archive does"
    assert refusal(path, content) == expected


def test_cut_off_anywhere(path, sound):
    for length in range(len(sound)):
        assert "is no zip archive as torch.save writes it" in refusal(path, sound[:length])


def test_no_file(path, tmp_path):
    with pytest.raises(CheckpointError, match=r"x\.pth cannot be read: .*No such file"), open_stored_zip(path):
        pass
    with pytest.raises(CheckpointError, match=r"cannot be read: .*irectory"), open_stored_zip(tmp_path):
        pass


def test_a_comment_or_bytes_behind(path, sound):
    """A longer end would be searched for by some readers and not by others."""
    commented = sound[:-2] + b"\x04\x00note"
    assert "it does not end as an archive does" in refusal(path, commented)
    assert "it does not end as an archive does" in refusal(path, sound + b"\0")


def test_compressed(path):
    """A thousandfold, without the bytes for it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", bytes(10_000_000))
    tracemalloc.start()
    try:
        assert refusal(path, path.read_bytes()) == ": 'a/data.pkl' is compressed, which torch.save never does"
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_claims_of_another_size(path, sound):
    """The uncompressed size of the directory, then both sizes, of the member with 200 bytes."""
    assert "'a/data/0' is compressed" in refusal(path, changed(sound, CENTRAL, 1, 24, b"\xff\xff\xff\x7f"))
    message = refusal(path, changed(sound, CENTRAL, 1, 20, b"\xff\xff\xff\x7f" * 2))
    assert message == f" is damaged: its member 'a/data/0' ends behind the file's {len(sound)} bytes"
    assert "Bad CRC-32 for file 'a/data/0'" in refusal(path, changed(sound, CENTRAL, 1, 20, b"\xc7\0\0\0" * 2))


def test_encrypted(path, sound):
    assert (
        refusal(path, changed(sound, CENTRAL, 1, 8, b"\1")) == ": 'a/data/0' is encrypted, which torch.save never does"
    )


def test_damaged_bytes(path, sound):
    with zipfile.ZipFile(path, "w") as archive:
        for name in MEMBERS:
            archive.writestr(name, bytes(100_000))
    long = path.read_bytes()
    assert "Bad CRC-32 for file 'a/data/0'" in refusal(path, sound.replace(bytes(range(200)), bytes(200)))
    assert "File name in directory 'a/data/0' and header" in refusal(path, changed(sound, LOCAL, 1, 30, b"b"))
    assert "File name in directory 'a/data/0' and header" in refusal(path, changed(long, LOCAL, 1, 26, b"\xff\x7f"))
    assert "cannot be read: zip file version 9.9" in refusal(path, changed(sound, CENTRAL, 1, 6, b"\x63"))


def test_one_name_twice(path):
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")
        for content in (b"first", b"second"):
            archive.writestr("a/data.pkl", content)
    assert refusal(path, path.read_bytes()) == " has 2 members 'a/data.pkl', where torch.save writes one"


def test_two_members_in_the_same_bytes(path):
    """An entry of 60 bytes in the directory for every copy of a megabyte."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data/0", bytes(1_000_000))
        for number in range(1, 50):
            info = zipfile.ZipInfo(f"a/data/{number}")
            info.CRC, info.file_size, info.compress_size = archive.filelist[0].CRC, 1_000_000, 1_000_000
            info.header_offset = 0
            archive.filelist.append(info)
        archive._didModify = True
    message = refusal(path, path.read_bytes())
    assert message == " is damaged: its member 'a/data/1' overlaps the one before it"


def test_members_within_others(path, sound):
    """The second begins within the first's content."""
    inner = changed(sound, CENTRAL, 1, 42, struct.pack("<I", 33))
    assert "its member 'a/data/0' overlaps the one before it" in refusal(path, inner)


def test_places_that_are_none(path, sound):
    assert "ends behind the file's" in refusal(path, changed(sound, CENTRAL, 1, 42, b"\xff\xff\xff\x7f"))
    # The directory said to be elsewhere: all members then lie before the file.
    assert refusal(path, changed(sound, END, 0, 16, b"\xff\xff\xff\x7f"))


def test_a_directory_of_millions_of_members(path):
    """Refused before an object is made of each."""
    entry = CENTRAL + bytes(42)
    count = 30_000
    directory = entry * count
    end = END + struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), 0, 0)
    tracemalloc.start()
    try:
        message = refusal(path, directory + end)
        assert tracemalloc.get_traced_memory()[1] < 100_000 + 2 * len(directory)
    finally:
        tracemalloc.stop()
    assert message == ": its list of members of 1380000 bytes is too long for a network's tensors"


def test_names_of_any_kind_stay_on_one_line(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a\n\x1b[2J" + "b" * 60_000, b"a" * 100)
    assert refusal(path, path.read_bytes()).startswith(r": 'a\n\x1b[2Jbbbbb")
