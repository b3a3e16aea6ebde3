"""The checkpoints that the authors of ViTMatte published: the terms of their data, and golden values."""

from dataclasses import dataclass

Corner = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]

_TERMS = (
    "the weights' page ({page}) says Apache-2.0; they were trained on {data}. Whether that binds those who use the "
    "weights is for you to judge; numpy-vitmatte passes none of them on"
)

_COMPOSITION = (
    "Adobe's Composition-1k (Deep Image Matting), whose agreement others read as keeping trained models to "
    "non-commercial use"
)

_DISTINCTIONS = "Distinctions-646, which is handed out for non-commercial use only"


@dataclass(frozen=True)
class PublishedCheckpoint:
    """One checkpoint on the hub.

    Attributes
    ----------
    data : str
        What it was trained on, and the terms of that.
    corner : 3 x 3 floats
        ``alphas[0, 0, :3, :3]`` on the authors' demo photo (a light bulb) and trimap, prepared by transformers' image
        processor, to four digits. Source: transformers, ``models/vitmatte/convert_vitmatte_to_hf.py``, which compares
        with a tolerance of 1e-4. These pixels are known foreground: they show that files, processor and network belong
        together, not how good the alpha is.
    """

    data: str
    corner: Corner


PUBLISHED = {
    "hustvl/vitmatte-small-composition-1k": PublishedCheckpoint(
        _COMPOSITION, ((0.9977, 0.9987, 0.9990), (0.9980, 0.9998, 0.9998), (0.9983, 0.9998, 0.9998))
    ),
    "hustvl/vitmatte-base-composition-1k": PublishedCheckpoint(
        _COMPOSITION, ((0.9972, 0.9971, 0.9981), (0.9948, 0.9987, 0.9994), (0.9963, 0.9992, 0.9995))
    ),
    "hustvl/vitmatte-small-distinctions-646": PublishedCheckpoint(
        _DISTINCTIONS, ((0.9880, 0.9970, 0.9972), (0.9960, 0.9996, 0.9997), (0.9963, 0.9996, 0.9997))
    ),
    "hustvl/vitmatte-base-distinctions-646": PublishedCheckpoint(
        _DISTINCTIONS, ((0.9963, 0.9998, 0.9999), (0.9995, 1.0000, 1.0000), (0.9992, 0.9999, 1.0000))
    ),
}


def terms(repository: str, endpoint: str) -> str:
    """Tell in one line what to know about the rights to a checkpoint before it is downloaded.

    Parameters
    ----------
    repository : str
        ``owner/name``.
    endpoint : str
        Address of the hub, for the checkpoint's page.
    """
    page = f"{endpoint}/{repository}"
    known = PUBLISHED.get(repository)
    if known is None:
        return f"the terms of these weights, and of the data they were trained on, are on their page: {page}"
    return _TERMS.format(page=page, data=known.data)
