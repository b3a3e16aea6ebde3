"""A zip archive as ``torch.save`` writes it: members stored as they are, one after the other, and nothing hidden.

The zip format (PKWARE's APPNOTE.TXT) allows more than that: compressed members that grow a thousandfold, several names
for the same bytes, two members of one name, among which readers choose differently. All of it is refused, so that
reading every member takes no more memory than the file is long. Nothing is ever extracted to the disk.
"""

import struct
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from numpy_vitmatte.errors import CheckpointError

# The end of a file: where zip64 is used a record and where it lies, then the end record, without a comment.
_ZIP64_RECORD, _ZIP64_LOCATOR, _END_RECORD = 56, 20, 22
_TAIL = _ZIP64_RECORD + _ZIP64_LOCATOR + _END_RECORD
_LOCAL_HEADER = 30

# ViTMatte-B's has 30 000 bytes. An entry of 46 bytes makes an object of several hundred.
_LONGEST_DIRECTORY = 1_000_000


class StoredZip:
    """The members of an archive, by their names.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    file_size : int
        Its bytes.
    names : list of str
        Names of the members, in the order of the archive's directory.
    """

    def __init__(self, archive: zipfile.ZipFile, path: Path, file_size: int) -> None:
        self.path = path
        self.file_size = file_size
        self.names = archive.namelist()
        self._archive = archive
        self._known = frozenset(self.names)

    def size(self, name: str) -> int:
        """Return the number of bytes of a member that exists."""
        return self._archive.getinfo(name).file_size

    def read(self, name: str) -> bytes:
        """Return the content of a member, and compare its checksum.

        Raises
        ------
        CheckpointError
            If there is none of this name, or it is damaged.
        """
        if name not in self._known:
            raise CheckpointError(f"{self.path} is damaged: it has no {name!r:.100}")
        with _errors_of(self.path):
            return self._archive.read(name)


@contextmanager
def open_stored_zip(path: Path) -> Iterator[StoredZip]:
    """Open an archive and check its directory.

    Raises
    ------
    CheckpointError
        If it cannot be read, is no zip archive, or is one that ``torch.save`` does not write.
    """
    with ExitStack() as opened:
        with _errors_of(path):
            file = opened.enter_context(path.open("rb"))
            size = file.seek(0, 2)
            _check_end(file, size, path)
            archive = opened.enter_context(zipfile.ZipFile(file))
        _check_members(archive.infolist(), size, path)
        yield StoredZip(archive, path, size)


@contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    """Tell what goes wrong while an archive is read as an error of the file, cut where zipfile shows 60 000 bytes."""
    try:
        yield
    except CheckpointError:
        raise
    except zipfile.BadZipFile as error:
        raise CheckpointError(
            f"{path} is no zip archive as torch.save writes it, or a damaged one: {error!s:.200}"
        ) from None
    # The others: positions, names and versions in the archive's directory that cannot be.
    except (OSError, EOFError, NotImplementedError, ValueError, OverflowError, struct.error) as error:
        raise CheckpointError(f"{path} cannot be read: {error!s:.200}") from None


def _check_end(file: BinaryIO, size: int, path: Path) -> None:
    """Refuse a directory that zipfile would make too many objects of, before it does."""
    file.seek(max(0, size - _TAIL))
    tail = file.read(_TAIL).rjust(_TAIL, b"\0")
    locator, end = tail[_ZIP64_RECORD:-_END_RECORD], tail[-_END_RECORD:]
    if not end.startswith(b"PK\5\6") or not end.endswith(b"\0\0"):
        raise zipfile.BadZipFile("it does not end as an archive does")
    length = int.from_bytes(end[12:16], "little")
    if locator.startswith(b"PK\6\7"):
        if int.from_bytes(locator[8:16], "little") != size - _TAIL:
            raise zipfile.BadZipFile("its zip64 record is not at the end")
        length = int.from_bytes(tail[40:48], "little")
    if length > _LONGEST_DIRECTORY:
        raise CheckpointError(f"{path}: its list of members of {length} bytes is too long for a network's tensors")


def _check_members(members: list[zipfile.ZipInfo], size: int, path: Path) -> None:
    """Require every name once, nothing compressed or encrypted, nothing twice in the same bytes."""
    for name, count in Counter(info.filename for info in members).items():
        if count > 1:
            raise CheckpointError(f"{path} has {count} members {name!r:.100}, where torch.save writes one")
    position = 0
    for info in sorted(members, key=lambda info: info.header_offset):
        name = f"{info.filename!r:.100}"
        if info.flag_bits & 1:
            raise CheckpointError(f"{path}: {name} is encrypted, which torch.save never does")
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise CheckpointError(f"{path}: {name} is compressed, which torch.save never does")
        if info.header_offset < position:
            raise CheckpointError(f"{path} is damaged: its member {name} overlaps the one before it")
        position = info.header_offset + _LOCAL_HEADER + info.file_size
        if position > size:
            raise CheckpointError(f"{path} is damaged: its member {name} ends behind the file's {size} bytes")
