"""The keywords of ``save_pretrained`` under the names of transformers, and ``push_to_hub``: nothing is uploaded."""

from typing import Any, NoReturn, TypedDict

from numpy_vitmatte.errors import CheckpointError

_CURE = "nothing is uploaded: save_pretrained(folder), then run 'hf upload owner/name folder'"


class SavingOptions(TypedDict, total=False):
    """Keywords of every ``save_pretrained``.

    Attributes
    ----------
    push_to_hub : bool
        Refused where it is true.
    max_shard_size, is_main_process, save_function
        Taken and ignored: there is one file, and whoever calls writes it.
    """

    push_to_hub: bool
    max_shard_size: object
    is_main_process: object
    save_function: object


def check_saving(options: SavingOptions) -> None:
    """Refuse what is not done.

    Raises
    ------
    CheckpointError
        An upload is asked for.
    TypeError
        There is no such keyword.
    """
    unknown = [name for name in options if name not in SavingOptions.__annotations__]
    if unknown:
        raise TypeError(f"save_pretrained() has no option {', '.join(unknown)}")
    if options.get("push_to_hub"):
        raise CheckpointError(_CURE)


class LocalFiles:
    """An object that is written to folders and not to the hub."""

    def push_to_hub(self, *arguments: Any, **options: Any) -> NoReturn:
        """Refuse.

        Raises
        ------
        CheckpointError
        """
        raise CheckpointError(_CURE)
