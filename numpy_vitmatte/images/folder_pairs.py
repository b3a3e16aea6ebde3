"""Files of several folders that belong together: those of one stem, the file name without its ending."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.files.missing import no_such
from numpy_vitmatte.images.formats import image_suffixes


@dataclass(frozen=True)
class Match:
    """Files of one stem, one from every folder.

    Attributes
    ----------
    stem : str
    files : dict of str to pathlib.Path
        Role, such as "photo" and "trimap", to file.
    """

    stem: str
    files: dict[str, Path]


@dataclass(frozen=True)
class FolderMatches:
    """The matches of several folders, and what has none.

    Attributes
    ----------
    matches : tuple of Match
        In the order of their stems.
    problems : dict of str to str
        A stem that has no match, and why, in words.
    left_out : tuple of pathlib.Path
        Files that by their ending are no images.
    """

    matches: tuple[Match, ...]
    problems: dict[str, str]
    left_out: tuple[Path, ...]


def match_by_stem(folders: Mapping[str, Path]) -> FolderMatches:
    """Match the images of folders by stem.

    Images are files whose ending is that of a format that is read or would be with a plug-in, and ``.npy``. Hidden
    files and folders inside are passed over. Stems are compared in Unicode's composed form: file systems disagree about
    how an accent is stored.

    Parameters
    ----------
    folders : mapping of str to pathlib.Path
        The role of a folder's files, in the singular, to the folder.

    Returns
    -------
    FolderMatches

    Raises
    ------
    VitMatteError
        If a folder is missing or cannot be read, two are the same, or not one stem is in all of them.
    """
    found: dict[str, dict[str, list[Path]]] = {}
    left_out: list[Path] = []
    suffixes = image_suffixes() | {".npy"}
    for role, folder in folders.items():
        found[role] = {}
        for path in _files(folder, role):
            if path.suffix.lower() in suffixes:
                found[role].setdefault(_stem(path), []).append(path)
            else:
                left_out.append(path)
    _check_distinct(folders)
    matches, problems = [], {}
    for stem in sorted(set().union(*found.values())):
        if problem := _problem(stem, found, folders, left_out):
            problems[stem] = problem
        else:
            matches.append(Match(stem, {role: stems[stem][0] for role, stems in found.items()}))
    if not matches:
        raise VitMatteError(_nothing_matches(folders, problems))
    return FolderMatches(tuple(matches), problems, tuple(left_out))


def _files(folder: Path, role: str) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except FileNotFoundError:
        raise VitMatteError(f"{role} folder {str(folder)!r}: {no_such(folder, 'folder')}") from None
    except NotADirectoryError:
        raise VitMatteError(f"{role} folder {str(folder)!r} is a file; expected a folder") from None
    except OSError as error:
        raise VitMatteError(f"{role} folder {str(folder)!r} cannot be read: {error.strerror}") from error


def _stem(path: Path) -> str:
    return unicodedata.normalize("NFC", path.stem)


def _check_distinct(folders: Mapping[str, Path]) -> None:
    seen: dict[Path, str] = {}
    for role, folder in folders.items():
        other = seen.setdefault(folder.resolve(), role)
        if other != role:
            raise VitMatteError(
                f"{other} folder and {role} folder are the same, {str(folder)!r}; expected one folder for each, with "
                "files of the same stems"
            )


def _problem(
    stem: str, found: dict[str, dict[str, list[Path]]], folders: Mapping[str, Path], left_out: list[Path]
) -> str | None:
    """Say why a stem has no match; None if it has one."""
    for role, stems in found.items():
        files = stems.get(stem, [])
        if len(files) > 1:
            names = ", ".join(path.name for path in files)
            return f"{len(files)} {role}s of one stem in {str(folders[role])!r} ({names}); keep one"
        if not files:
            having, file = next((other, stems[stem][0]) for other, stems in found.items() if stem in stems)
            strangers = [path.name for path in left_out if path.parent == folders[role] and _stem(path) == stem]
            hint = f" ({', '.join(strangers)} is no kind of picture that is read)" if strangers else ""
            return f"no {role} of that stem in {str(folders[role])!r} for the {having} {file.name!r}{hint}"
    return None


def _nothing_matches(folders: Mapping[str, Path], problems: dict[str, str]) -> str:
    names = " and ".join(repr(str(folder)) for folder in folders.values())
    if not problems:
        return f"there are no pictures in {names}"
    stem, problem = next(iter(problems.items()))
    return f"not one stem is in each of {names}; for example {stem!r}: {problem}"
