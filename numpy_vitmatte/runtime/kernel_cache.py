"""Machine code kept between processes: a file for each kernel and types, in the folder of ``cache_folder.py``.

Numba has a disk cache, but it is not used here, for three reasons. It notices an edit to the file of a kernel but not
to the file of a kernel that it calls (``microkernel.py`` is called by nearly all). It raises where a file is damaged,
a disk is full or a module lies in a zip archive or a frozen application. And it uses no folder that it cannot write to,
though a container with its kernels ready is often read-only.

Here the folder's name changes with every source file. Each file begins with the checksum of the rest; a damaged one is
compiled anew and replaced. Nothing that goes wrong is an error. One warning of the ``numpy_vitmatte``
logger names the folder and the cure.
"""

import contextlib
import hashlib
import logging
import os
import pickle
import re
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType
from typing import IO, Any

from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from numpy_vitmatte.runtime.cache_folder import locate_cache_folder, remove_old_folders
from numpy_vitmatte.runtime.linked_kernel import needed_by, provide
from numpy_vitmatte.runtime.tile_permission import tiles_granted

logger = logging.getLogger("numpy_vitmatte")

DAY = 24 * 3600
_DIGEST = hashlib.sha256().digest_size


class KernelFolder:
    """The folder of this package's machine code, which may be missing, read-only, full or damaged.

    Parameters
    ----------
    locate : callable
        Gives the folder's path when it is first asked for: the sources are hashed then, not at import.
    """

    def __init__(self, locate: Callable[[], Path]) -> None:
        self._locate = locate
        self._path: Path | None = None
        self._located = self._touched = self._warned = self._failed = False

    @property
    def path(self) -> Path | None:
        """Return the folder's path, also if it does not exist yet; None if no home folder is known."""
        if not self._located:
            self._located = True
            try:
                self._path = self._locate()
            except (OSError, RuntimeError) as error:
                self.warn(f"there is no folder to keep compiled kernels in ({error})")
        return self._path

    @property
    def kept(self) -> Path | None:
        """Return the folder, or None where this process found that nothing can be kept."""
        return None if self._failed else self.path

    def warn(self, problem: str) -> None:
        """Say once per process what is wrong, and what can be done."""
        if not self._warned:
            self._warned = True
            logger.warning(
                "%s; the work goes on, but kernels may be compiled anew in each process. "
                "Set NUMBA_CACHE_DIR to a writable folder with space, or mend this one",
                problem,
            )

    def _cannot_keep(self, error: Exception) -> None:
        self._failed = True
        self.warn(f"compiled kernels cannot be kept in {self.path} ({error})")

    def load(self, name: str) -> Any:
        """Return the value saved under a name; None if there is none, or if it cannot be read."""
        if self.path is None:
            return None
        file = self.path / name
        try:
            content = file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self.warn(f"compiled kernels in {self.path} cannot be read ({error})")
            return None
        self._touch()
        if hashlib.sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
            self.warn(f"the compiled kernel {file} is damaged and will be replaced")
            return None
        return pickle.loads(content[_DIGEST:])

    def save(self, name: str, value: Any) -> None:
        """Save a value under a name, whole or not at all."""
        if self.path is None:
            return
        try:
            self._make()
            data = dumps(value)
            with self._temporary_file() as (file, place):
                file.write(hashlib.sha256(data).digest() + data)
                file.close()
                os.replace(place, self.path / name)
        except Exception as error:
            self._cannot_keep(error)

    def writable(self) -> bool:
        """Say whether a file can be written in the folder, which is made if it is missing."""
        if self.path is None:
            return False
        try:
            self._make()
            with self._temporary_file():
                return True
        except OSError as error:
            self._cannot_keep(error)
            return False

    def joins_compilation(self, seconds: float = 60) -> bool:
        """Say whether another process has compiled into this folder within the last ``seconds``.

        From now on other processes will find that this one has.
        """
        mark = (self.path or Path()) / "compiling"
        try:
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            return False
        except FileExistsError:
            with contextlib.suppress(OSError):
                recent = time.time() - mark.stat().st_mtime < seconds
                os.utime(mark)
                return recent
        except OSError:
            pass
        return False

    @contextlib.contextmanager
    def _temporary_file(self) -> Iterator[tuple[IO[bytes], Path]]:
        """Open a file for whoever may read the folder: root compiles a container's kernels, and others use them."""
        place = (self.path or Path()) / f"{secrets.token_hex(8)}.partial"
        descriptor = os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o666)
        with os.fdopen(descriptor, "wb") as file:
            try:
                yield file, place
            finally:
                file.close()
                with contextlib.suppress(OSError):
                    os.unlink(place)  # unless it has its name by now

    def _make(self) -> None:
        if self.path is not None and not self.path.is_dir():
            self.path.mkdir(parents=True, exist_ok=True)
            remove_old_folders(self.path)

    def _touch(self) -> None:
        """Mark the folder as used: a folder that is only read counts as used, too."""
        if self.path is not None and not self._touched:
            self._touched = True
            with contextlib.suppress(OSError):
                if time.time() - self.path.stat().st_mtime > DAY:
                    os.utime(self.path)


FOLDER = KernelFolder(locate_cache_folder)


def kernel_cache_folder() -> Path | None:
    """Return the folder of these kernels' machine code, or None where this process found that none can be kept."""
    return FOLDER.kept


class KernelCache:
    """One kernel's machine code on disk, for each signature and kind of processor: what Numba calls a function's cache.

    Parameters
    ----------
    function : callable
        The plain Python function.
    """

    def __init__(self, function: Any) -> None:
        code: CodeType = function.__code__
        constants = [constant for constant in code.co_consts if not isinstance(constant, CodeType)]
        self._name = f"{function.__module__.removeprefix('numpy_vitmatte.')}.{function.__qualname__}"
        self._code = hashlib.sha256(repr((code.co_code, constants, code.co_names)).encode()).hexdigest()

    @property
    def cache_path(self) -> str:
        """Return the folder, for Numba's statistics."""
        return str(FOLDER.path)

    def _key(self, signature: Any, codegen: Any) -> tuple[str, ...]:
        target = repr((codegen.magic_tuple(), tiles_granted()))  # code with tiles kills a process without permission
        return self._name, self._code, str(signature), target, str(sys.implementation.cache_tag)

    def _file(self, key: tuple[str, ...]) -> str:
        readable = re.sub(r"[^\w.]", "", self._name)[-60:]
        return f"{readable}-{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.kernel"

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """Return the compiled function, or None."""
        target_context.refresh()
        key = self._key(signature, target_context.codegen())
        try:
            found = FOLDER.load(self._file(key))
            if found is not None and found[0] == key:
                provide(found[1])
                return CompileResult._rebuild(target_context, *found[2])
        except Exception as error:  # if unpickling or linking fails for any reason, compile anew
            FOLDER.warn(f"the compiled kernel {self._file(key)} in {FOLDER.path} is of no use ({error!r})")
        return None

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep a compiled function."""
        if not result.library.has_dynamic_globals:
            key = self._key(signature, result.codegen)
            FOLDER.save(self._file(key), (key, needed_by(result), result._reduce()))

    def enable(self) -> None:
        """Do nothing: the cache is always enabled."""

    def disable(self) -> None:
        """Do nothing: the cache is always enabled."""

    def flush(self) -> None:
        """Do nothing: files are replaced one by one."""
