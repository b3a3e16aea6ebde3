"""The jobs of a folder: its photos, their trimaps and the paths of the alphas."""

from dataclasses import dataclass, replace
from pathlib import Path

from numpy_vitmatte.batch.job import FolderOptions, Job
from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.hub.resolve import bundled_checkpoints, checkpoint_directory
from numpy_vitmatte.images.folder_pairs import FolderMatches, match_by_stem


@dataclass(frozen=True)
class Plan(FolderMatches):
    """The matches of the folders, and the jobs that follow from them.

    Attributes
    ----------
    jobs : tuple of Job
        In the order of their stems.
    """

    jobs: tuple[Job, ...]


def plan_folder(photos: Path, trimaps: Path, output: Path, options: FolderOptions) -> Plan:
    """Pair photos with trimaps by stem. An alpha gets its photo's stem and ``.png``.

    Parameters
    ----------
    photos, trimaps, output : pathlib.Path
        Folders; `output` need not exist.
    options : FolderOptions
        Its model may be any name or directory; the jobs hold what it means here.

    Returns
    -------
    Plan

    Raises
    ------
    VitMatteError
        A folder cannot be read or is given twice, not one pair is there, or there is no such model.
    """
    for source in (photos, trimaps):
        if output.resolve() == source.resolve():
            raise VitMatteError(f"output folder {str(output)!r} is an input folder as well; choose another one")
    matched = match_by_stem({"photo": photos, "trimap": trimaps})
    options = replace(options, model=_model_for_workers(options.model))
    jobs = []
    for match in matched.matches:
        photo, trimap = (match.files[role].absolute() for role in ("photo", "trimap"))
        jobs.append(Job(match.stem, photo, trimap, output.absolute() / f"{photo.stem}.png", options))
    return Plan(matched.matches, matched.problems, matched.left_out, tuple(jobs))


def _model_for_workers(model: str) -> str:
    """Keep the name of a bundled checkpoint, which every machine has; turn everything else into a directory."""
    return model if model in bundled_checkpoints() else str(checkpoint_directory(model).absolute())
