"""Which folder machine code is kept in, under which key, and which old folders go."""

import os
import shutil
import sys
import time
import zipfile
from pathlib import Path

import numba
import pytest

from numpy_vitmatte.runtime import cache_folder
from numpy_vitmatte.runtime.cache_folder import (
    MONTH,
    base_cache_folder,
    locate_cache_folder,
    remove_old_folders,
    source_key,
)

PACKAGE = Path(cache_folder.__file__).parents[1]
SOURCES = sorted(
    path.relative_to(PACKAGE).as_posix() for room in ("kernels", "runtime") for path in (PACKAGE / room).rglob("*.py")
)


@pytest.fixture
def copied_kernels(tmp_path):
    """The kernel sources copied to another folder."""
    for room in ("kernels", "runtime"):
        shutil.copytree(PACKAGE / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.parametrize("name", SOURCES)
def test_an_edit_to_any_kernel_source_changes_the_key(copied_kernels, name):
    """Numba itself sees no edit to a kernel's callee in another file; an edit taken back gives the old key."""
    key = source_key(copied_kernels)
    source = (copied_kernels / name).read_bytes()
    (copied_kernels / name).write_bytes(source + b"\n")
    assert source_key(copied_kernels) != key
    (copied_kernels / name).write_bytes(source)
    assert source_key(copied_kernels) == key


def test_a_source_added_or_renamed_changes_the_key(copied_kernels):
    """What is in which file counts too; other files do not."""
    keys = {source_key(copied_kernels)}
    (copied_kernels / "kernels/more.py").write_text("")
    keys.add(source_key(copied_kernels))
    (copied_kernels / "kernels/more.py").rename(copied_kernels / "kernels/fused/other.py")
    keys.add(source_key(copied_kernels))
    assert len(keys) == 3
    (copied_kernels / "kernels/notes.txt").write_text("no source")
    assert source_key(copied_kernels) in keys


def test_key_of_a_copy_and_of_an_archive_is_that_of_the_package(copied_kernels):
    """The key depends on what the sources say, not on where they lie."""
    archive = copied_kernels / "package.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name in SOURCES:
            file.write(copied_kernels / name, name)
    assert source_key(copied_kernels) == source_key(zipfile.Path(archive)) == source_key()


def test_a_frozen_application_has_the_key_of_its_build(tmp_path, monkeypatch):
    """No source lies anywhere there: another version or another build of the application has another key."""
    application = tmp_path / "application"
    application.write_bytes(b"first build")
    monkeypatch.setattr(sys, "executable", str(application))
    keys = {source_key(tmp_path), source_key(tmp_path / "missing")}
    assert len(keys) == 1
    monkeypatch.setattr(cache_folder, "__version__", "99")
    keys.add(source_key(tmp_path))
    application.write_bytes(b"another build")
    keys.add(source_key(tmp_path))
    assert len(keys) == 3
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    assert len(source_key(tmp_path)) == 16


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """No setting of the cache, and a home folder of the test's own."""
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    return monkeypatch


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, ".cache"),
        ("linux", {"XDG_CACHE_HOME": "/xdg"}, "/xdg"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, ".cache"),
        ("linux", {"LOCALAPPDATA": "/windows"}, ".cache"),
        ("darwin", {"XDG_CACHE_HOME": "/xdg"}, "Library/Caches"),
        ("win32", {}, "AppData/Local"),
        ("win32", {"LOCALAPPDATA": "/windows"}, "/windows"),
    ],
)
def test_caches_lie_where_the_platform_keeps_them(environment, tmp_path, platform, variables, expected):
    environment.setattr(sys, "platform", platform)
    for name, value in variables.items():
        environment.setenv(name, value)
    assert base_cache_folder() == tmp_path / expected  # an absolute path stands for itself


def test_numbas_setting_comes_first(environment):
    environment.setattr(numba.config, "CACHE_DIR", "/chosen")
    environment.setenv("XDG_CACHE_HOME", "/xdg")
    assert base_cache_folder() == Path("/chosen")


def test_the_name_holds_numbas_version(environment, tmp_path):
    """Environments with another Numba do not overwrite each other's machine code."""
    name = f"numpy-vitmatte-kernels-{source_key()}-numba-{numba.__version__}"
    assert locate_cache_folder() == tmp_path / ".cache" / name


def folder(parent, name, age):
    """A folder that was used so many seconds ago, with something in it."""
    (parent / name / "inside").mkdir(parents=True)
    (parent / name / "inside" / "file").write_text("")
    os.utime(parent / name, (time.time() - age,) * 2)
    return parent / name


def test_old_folders_of_the_package_are_removed(tmp_path):
    """Those of a month ago, of today's and of earlier names; no other folder, no file, no link, not the current one."""
    current = folder(tmp_path, "numpy-vitmatte-kernels-0123456789abcdef-numba-0.60.0", 2 * MONTH)
    old = [
        folder(tmp_path, "numpy-vitmatte-kernels-fedcba9876543210-numba-0.60.0", 2 * MONTH),
        folder(tmp_path, "numpy-vitmatte-kernels-fedcba9876543211", MONTH + 60),
    ]
    kept = [
        folder(tmp_path, "numpy-vitmatte-kernels-fedcba9876543212-numba-0.60.0", MONTH - 60),
        folder(tmp_path, "numpy-vitmatte-kernels-fedcba9876543210-backup", 2 * MONTH),
        folder(tmp_path, "numpy-vitmatte-kernels-mine", 2 * MONTH),
        folder(tmp_path, "another", 2 * MONTH),
    ]
    file = tmp_path / "numpy-vitmatte-kernels-fedcba9876543213"
    file.write_text("")
    os.utime(file, (time.time() - 2 * MONTH,) * 2)
    remove_old_folders(current)
    assert not any(path.exists() for path in old)
    assert all((path / "inside" / "file").exists() for path in [current, *kept])
    assert file.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_with_an_old_name_is_left_alone(tmp_path):
    current, target = tmp_path / "numpy-vitmatte-kernels-0123456789abcdef", folder(tmp_path, "target", 2 * MONTH)
    (tmp_path / "numpy-vitmatte-kernels-fedcba9876543210").symlink_to(target)
    remove_old_folders(current)
    assert (target / "inside" / "file").exists()


def test_removing_never_raises(tmp_path, monkeypatch):
    """Where nothing lies, or where another process is quicker."""
    remove_old_folders(tmp_path / "missing" / "current")
    folder(tmp_path, "numpy-vitmatte-kernels-fedcba9876543210", 2 * MONTH)
    monkeypatch.setattr(cache_folder.os, "stat", lambda *arguments, **keywords: (_ for _ in ()).throw(OSError))
    remove_old_folders(tmp_path / "current")
