"""The package's own errors: each message says what was found, what was expected and what to do."""


class VitMatteError(ValueError):
    """Root of every error that this package raises on purpose.

    Input that cannot be used (a file that is no image, a trimap of another size, a checkpoint with a tensor missing)
    raises this class or a subclass, so that ``except VitMatteError`` is all a caller needs. The command line prints
    the message on one line and exits with status 2.
    """


class ConfigurationError(VitMatteError):
    """A ``config.json`` (or a configuration object) that describes a network this package does not compute."""


class CheckpointError(VitMatteError):
    """Weights that are missing, misshapen, truncated, not finite, or do not belong to their configuration."""


class DownloadError(CheckpointError):
    """A checkpoint of the Hugging Face hub that could not be fetched: no network, no such name, a broken file."""


class ImageError(VitMatteError):
    """A photo or trimap that cannot be read or does not fit the other."""


def one_line(text: object) -> str:
    """Bring a message, or what an exception says, to one line; the exception's name if it says nothing."""
    return " ".join(str(text).split()) or type(text).__name__
