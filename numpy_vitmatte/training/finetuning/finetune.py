"""``finetune``: from folders of photos and alphas to a checkpoint, in one sitting or in several."""

import contextlib
import logging
import shutil
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Unpack

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.files.atomic_write import remove_leftovers
from numpy_vitmatte.hub.resolve import checkpoint_directory
from numpy_vitmatte.images.writing import picture_writer, text_writer, write_together
from numpy_vitmatte.matting.evaluation import as_csv
from numpy_vitmatte.matting.metrics import AlphaErrors
from numpy_vitmatte.model import VitMatteForImageMatting
from numpy_vitmatte.pipeline.loaded_checkpoint import LoadedCheckpoint, own_processor
from numpy_vitmatte.runtime.recycling import recycling
from numpy_vitmatte.training.finetuning.material import Material
from numpy_vitmatte.training.finetuning.memory import require_memory
from numpy_vitmatte.training.finetuning.report import curve_picture, log_csv
from numpy_vitmatte.training.finetuning.settings import PARTS, FinetuneOptions, Settings
from numpy_vitmatte.training.finetuning.state import RunState
from numpy_vitmatte.training.finetuning.steps import LOG_FILE, Listener, Progress, save, take_steps
from numpy_vitmatte.training.finetuning.validation import held_back_errors
from numpy_vitmatte.training.optimizer import AdamW, MovingAverage, trainable
from numpy_vitmatte.training.state_file import STATE_FILE

CURVE_FILE = "curve.png"
CHECKPOINT_FOLDER = "checkpoint"

_log = logging.getLogger("numpy_vitmatte")


@dataclass(frozen=True)
class FinetuneResult:
    """The result of a run.

    Attributes
    ----------
    directory : Path
        The checkpoint.
    steps : int
        Steps of the optimizer.
    seconds : float
        Time that they took, in all sittings.
    before, after : dict of str to AlphaErrors
        Errors of the pictures that were held back, over their unknown pixels, by stem.
    """

    directory: Path
    steps: int
    seconds: float
    before: dict[str, AlphaErrors]
    after: dict[str, AlphaErrors]


def silent(progress: Progress) -> None:
    """Say nothing of the progress."""


def finetune(
    photos: Path | str,
    alphas: Path | str,
    output: Path | str,
    listen: Listener = silent,
    **options: Unpack[FinetuneOptions],
) -> FinetuneResult:
    """Train a checkpoint further on photos of known alpha.

    The weights that are written are the moving average of those of the steps. While the run goes on, its state lies in
    the folder ``OUTPUT.training``; the same call continues a run that was stopped in any way, to the same bits. The
    checkpoint that it begins with is not touched.

    Parameters
    ----------
    photos, alphas : path
        Folders, whose files belong together by their stems. Alphas are gray levels or cut-outs, of their photo's size.
    output : path
        The folder of the new checkpoint, which must not exist. It appears whole or not at all, with ``config.json``,
        ``preprocessor_config.json``, ``model.safetensors``, ``log.csv``, ``curve.png``, and ``before.csv`` and
        ``after.csv`` if pictures were held back.
    listen : function
        Called with a :class:`~numpy_vitmatte.training.finetuning.steps.Progress` after every step.
    **options
        Keywords of :class:`~numpy_vitmatte.training.finetuning.settings.FinetuneOptions`.

    Returns
    -------
    FinetuneResult

    Raises
    ------
    VitMatteError
        If an option, a file or the checkpoint cannot be used, memory or disk do not suffice, or the folder of the state
        is that of another run. What was saved is kept.
    """
    settings = _settings(photos, alphas, options)
    try:
        return _run(settings, Path(output), listen)
    except MemoryError:
        raise VitMatteError(
            f"there is not enough memory for {settings.batch} squares of {settings.crop} pixels, or for the largest "
            "picture; try a smaller batch, smaller squares or smaller pictures"
        ) from None


def _run(settings: Settings, output: Path, listen: Listener) -> FinetuneResult:
    folder = output.with_name(f"{output.name}.training")
    _require_new(output)
    material = Material(settings)
    checkpoint = _checkpoint(settings.model)
    _log.debug("reading %d pictures", len(material.matches))
    material.check()
    require_memory(settings, checkpoint.model.config, material.kept_bytes)
    state = _begun(settings, material, checkpoint)
    _enter(folder)
    if (folder / STATE_FILE).exists():
        state.load(folder)
        checkpoint.model.update_parameters(state.tensors)
        _log.info("continuing after step %d", state.step)
    else:
        state.before = {stem: list(astuple(row)) for stem, row in held_back_errors(material, checkpoint).items()}
        save(state, folder)
    with recycling():
        take_steps(state, settings, material, checkpoint, folder, listen)
    checkpoint.model.update_parameters(state.average.tensors)
    before = {stem: AlphaErrors(*row) for stem, row in state.before.items()}
    after = held_back_errors(material, checkpoint)
    _write(folder / CHECKPOINT_FOLDER, output, checkpoint, state, before, after)
    _leave(folder)
    return FinetuneResult(output, state.step, state.seconds, before, after)


def _settings(photos: Path | str, alphas: Path | str, options: FinetuneOptions) -> Settings:
    unknown = sorted(set(options) - set(FinetuneOptions.__annotations__))
    if unknown:
        raise VitMatteError(f"finetune() has no option {', '.join(unknown)}")
    given = {name: value for name, value in options.items() if value is not None}
    for name in ("trimaps", "backgrounds"):
        if name in given:
            given[name] = Path(given[name])  # type: ignore[arg-type]
    return Settings(Path(photos), Path(alphas), **given)  # type: ignore[arg-type]


def _require_new(output: Path) -> None:
    if not output.name or output.name == "..":
        raise VitMatteError(f"output {str(output)!r} must end in the name of a folder")
    if output.exists() or output.is_symlink():
        raise VitMatteError(f"output {str(output)!r} exists already; choose another name")
    if not output.parent.is_dir():
        raise VitMatteError(
            f"output {str(output)!r}: there is no such folder as {str(output.parent)!r}; create it first"
        )


def _checkpoint(model: str) -> LoadedCheckpoint:
    """Load a model of this run's own: the one that ``matte`` keeps must not change."""
    loaded = VitMatteForImageMatting.from_pretrained(checkpoint_directory(model))
    return LoadedCheckpoint(loaded, own_processor(loaded))


def _begun(settings: Settings, material: Material, checkpoint: LoadedCheckpoint) -> RunState:
    tensors = checkpoint.model.tensors
    trained = {name: tensors[name].copy() for name in trainable(tensors, PARTS[settings.train])}
    record = settings.record() | {"pictures": material.record()}
    return RunState(AdamW(trained, lr=settings.lr), MovingAverage(trained), record, {}, settings.steps)


def _enter(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
        remove_leftovers(folder)
    except OSError as error:
        raise VitMatteError(f"folder {str(folder)!r} cannot be written to: {error.strerror}") from error


def _leave(folder: Path) -> None:
    """Remove the state, which nobody needs any more, and its folder unless it holds something else."""
    for name in (STATE_FILE, LOG_FILE):
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def _write(
    new: Path,
    output: Path,
    checkpoint: LoadedCheckpoint,
    state: RunState,
    before: dict[str, AlphaErrors],
    after: dict[str, AlphaErrors],
) -> None:
    """Write the checkpoint as the folder ``new``, then rename it: what a killed run leaves lies beside its state."""
    shutil.rmtree(new, ignore_errors=True)
    writers = {new / LOG_FILE: text_writer(log_csv(state.rows))}
    writers[new / CURVE_FILE] = picture_writer(new / CURVE_FILE, curve_picture(state.rows))
    if after:
        writers[new / "before.csv"], writers[new / "after.csv"] = (
            text_writer(as_csv(before)),
            text_writer(as_csv(after)),
        )
    try:
        checkpoint.model.save_pretrained(new)
        checkpoint.processor.save_pretrained(new)
        write_together(writers)
        new.rename(output)
    except OSError as error:
        raise VitMatteError(f"output {str(output)!r} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
