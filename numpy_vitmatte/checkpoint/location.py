"""Where a checkpoint lies: the name of a bundled one, or a directory."""

import os
from pathlib import Path

from numpy_vitmatte.errors import CheckpointError

_PACKAGE = Path(__file__).resolve().parents[1]


def _weight_folders() -> list[Path]:
    """The folders that may hold bundled checkpoints: inside an installed package, or beside it in a source checkout."""
    folders = [_PACKAGE / "weights"]
    # Beside an installed package lie other people's packages, one of which may be called "weights".
    if (_PACKAGE.parent / "pyproject.toml").is_file():
        folders.append(_PACKAGE.parent / "weights")
    return folders


def bundled_checkpoints() -> dict[str, Path]:
    """The checkpoints that came with the package: name -> directory, in alphabetical order."""
    found: dict[str, Path] = {}
    for folder in _weight_folders():
        for config_file in folder.glob("*/config.json"):
            found.setdefault(config_file.parent.name, config_file.parent)
    return dict(sorted(found.items()))


def checkpoint_directory(name_or_path: str | os.PathLike[str]) -> Path:
    """Find the directory of a checkpoint.

    Parameters
    ----------
    name_or_path : str or path-like
        The name of a bundled checkpoint (:func:`bundled_checkpoints`) or a directory that holds ``config.json`` and
        ``model.safetensors``. A string that is a bundled name means the bundled checkpoint whatever the working
        directory holds; for a directory of that name write ``"./name"`` or give a :class:`pathlib.Path`.

    Returns
    -------
    pathlib.Path
        An existing directory.

    Raises
    ------
    CheckpointError
        If there is neither such a bundled checkpoint nor such a directory.
    """
    bundled = bundled_checkpoints()
    if isinstance(name_or_path, str) and name_or_path in bundled:
        return bundled[name_or_path]
    try:
        path = Path(name_or_path).expanduser()
        # Path("") is the working directory, which nobody means by an empty name.
        if path.is_dir() and name_or_path != "":
            return path
        is_file = path.is_file()
    except (TypeError, ValueError, RuntimeError, OSError) as error:
        raise CheckpointError(f"{name_or_path!r} is no name or path of a checkpoint: {error}") from None
    if is_file:
        raise CheckpointError(f"{path} is a file; a checkpoint is given by the directory that holds it")
    names = ", ".join(bundled) if bundled else "none"
    raise CheckpointError(
        f"{str(name_or_path)!r} is neither a bundled checkpoint (bundled: {names}) nor a directory. Downloads from the "
        "Hugging Face hub are not available yet: put the checkpoint's config.json and model.safetensors into a "
        "directory and give that"
    )
