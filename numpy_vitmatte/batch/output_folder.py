"""The folder that a batch writes to: which of its files are finished outputs, and which an interrupted run left.

A file in the folder, the record, says what its outputs are made with. It is written before the first output and not
touched again, so an output is this batch's own if it is no older than the record. ``--force`` writes a new record, so
that every output is made again, even if that run is killed and resumed without ``--force``.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from numpy_vitmatte.batch.job import FolderOptions, Job
from numpy_vitmatte.errors import ConfigurationError, VitMatteError
from numpy_vitmatte.files.atomic_write import remove_leftovers
from numpy_vitmatte.files.json_object import read_json_object, write_json_object
from numpy_vitmatte.hub.resolve import checkpoint_directory

RECORD_FILE = ".numpy-vitmatte-batch.json"

_CHECKPOINT_FILES = (".json", ".safetensors", ".bin")
_DEFAULTS = {"raw": False, "profile": "hf", "precision": "highest", "bits": 8, "masks": False}
"""Of options that a record may not name because it is older than they are; all others are None."""


def claim(folder: Path, jobs: Iterable[Job], options: FolderOptions, force: bool) -> None:
    """Make the folder this batch's, or check that it is, and remove the unfinished files of a killed run.

    Parameters
    ----------
    folder : pathlib.Path
        Made if need be; its parent must exist.
    jobs : iterable of Job
        Those whose outputs go there.
    options : FolderOptions
    force : bool
        Take the folder whatever it holds; outputs that exist will be made again.

    Raises
    ------
    VitMatteError
        Without `force`, if the folder's outputs were made with another model or other options, or files stand where
        outputs would go and no batch wrote them; if it cannot be written to.
    """
    record_path = folder / RECORD_FILE
    wanted = _record(options)
    found = None if force else _found_record(record_path)
    if found is not None:
        _check_same(folder, found, wanted)
    else:
        standing = sorted(job.output.name for job in jobs if job.output.exists())
        if standing and not force:
            raise VitMatteError(
                f"output folder {str(folder)!r} already holds {len(standing)} of the files to be written "
                f"({standing[0]}, ...), and no batch made them; choose another folder, or overwrite them with --force"
            )
    try:
        folder.mkdir(exist_ok=True)
        if found is None:
            write_json_object(record_path, wanted)
        remove_leftovers(folder)
    except FileNotFoundError:
        raise VitMatteError(f"output folder {str(folder)!r}: its parent does not exist; create it first") from None
    except FileExistsError:
        raise VitMatteError(f"output folder {str(folder)!r} is a file; expected a folder") from None
    except OSError as error:
        raise VitMatteError(f"output folder {str(folder)!r} cannot be written to: {error.strerror}") from error


def is_finished(job: Job) -> bool:
    """Check whether this batch has made a job's output from the photo and the trimap as they are now.

    An output that is older than its photo or trimap is not finished: somebody has corrected them.
    """
    try:
        output = job.output.stat().st_mtime_ns
        sources = (job.output.with_name(RECORD_FILE), job.photo, job.trimap)
        return all(output >= source.stat().st_mtime_ns for source in sources)
    except OSError:
        return False


def _record(options: FolderOptions) -> dict[str, Any]:
    named = {"model": options.model, "bits": options.bits, "masks": options.masks} | options.matting
    return {"options": named, "checkpoint_sha256": _checkpoint_sha256(options.model)}


def _checkpoint_sha256(model: str) -> str:
    """Hash all files that define the network: a moved folder keeps its hash, a replaced file changes it."""
    digest = hashlib.sha256()
    for path in sorted(checkpoint_directory(model).iterdir()):
        if path.suffix in _CHECKPOINT_FILES and path.is_file():
            with path.open("rb") as file:
                digest.update(os.fsencode(path.name) + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _found_record(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        record = read_json_object(path)
        if not isinstance(record["options"], dict):
            raise ConfigurationError(f"its options are {record['options']!r}")
        return record
    except (ConfigurationError, KeyError) as error:
        raise VitMatteError(
            f"{path} is no record of a batch ({error}); choose another folder, or start again with --force"
        ) from None


def _check_same(folder: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    before = {name: found["options"].get(name, _DEFAULTS.get(name)) for name in wanted["options"]}
    differences = [
        f"{name} {json.dumps(before[name])}, now {json.dumps(value)}"
        for name, value in wanted["options"].items()
        if name != "model" and before[name] != value
    ]
    if found.get("checkpoint_sha256") != wanted["checkpoint_sha256"]:
        names = [json.dumps(record["options"].get("model")) for record in (found, wanted)]
        differences.insert(0, f"model {names[0]}, now {names[1]}" + (" with other files" * (names[0] == names[1])))
    if differences:
        raise VitMatteError(
            f"output folder {str(folder)!r} holds alphas made otherwise ({'; '.join(differences)}); choose another "
            "folder, or start again with --force"
        )
