"""The stage of the backbone that the decoder sees: ``out_features`` and ``out_indices`` of a configuration."""

from numpy_vitmatte.errors import ConfigurationError, shown


def stage_names(num_hidden_layers: int) -> tuple[str, ...]:
    """Return the names of the patch embedding's output and of each block's: ``("stem", "stage1", ...)``."""
    return ("stem", *(f"stage{block + 1}" for block in range(num_hidden_layers)))


def aligned_stages(
    num_hidden_layers: int, out_features: tuple[str, ...] | None, out_indices: tuple[int, ...] | None
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Fill in names from numbers or numbers from names; without both, the last stage is meant.

    The rule is that of transformers' ``BackboneConfigMixin``; negative numbers count from the end and become positive.

    Parameters
    ----------
    num_hidden_layers : int
        Number of blocks; stage 0 is the stem, stage i the output of the i-th block.
    out_features : tuple of str, optional
        Stage names in rising order, or None.
    out_indices : tuple of int, optional
        Stage numbers in rising order, or None.

    Returns
    -------
    tuple
        The names and the numbers of the same stages.

    Raises
    ------
    ConfigurationError
        If a stage does not exist, the list is empty, not rising, or names and numbers disagree.
    """
    names = stage_names(num_hidden_layers)
    if out_features is None:
        chosen = (len(names) - 1,) if out_indices is None else _positive(out_indices, len(names))
    else:
        unknown = [name for name in out_features if name not in names]
        if unknown:
            raise ConfigurationError(
                f"VitDetConfig.out_features names {shown(unknown[0])}; with num_hidden_layers {num_hidden_layers} "
                f"the stages are 'stem' and 'stage1' to {names[-1]!r}"
            )
        chosen = tuple(names.index(name) for name in out_features)
        if out_indices is not None and _positive(out_indices, len(names)) != chosen:
            raise ConfigurationError(
                f"VitDetConfig.out_features {shown(list(out_features))} and out_indices "
                f"{shown(list(out_indices))} name different stages"
            )
    given = "out_indices" if out_features is None else "out_features"
    if not chosen:
        raise ConfigurationError(f"VitDetConfig.{given} is empty: the decoder needs one stage")
    if any(after <= before for before, after in zip(chosen, chosen[1:], strict=False)):
        found = out_indices if out_features is None else out_features
        raise ConfigurationError(f"VitDetConfig.{given} must name stages once each and in order, found {shown(found)}")
    return tuple(names[index] for index in chosen), chosen


def _positive(indices: tuple[int, ...], count: int) -> tuple[int, ...]:
    beyond = [index for index in indices if not -count <= index < count]
    if beyond:
        raise ConfigurationError(
            f"VitDetConfig.out_indices names stage {shown(beyond[0])}; there are stages 0 (the stem) to {count - 1}"
        )
    return tuple(index % count for index in indices)
