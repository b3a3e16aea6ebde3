"""The settings that a service is started with: models, limits, and who may use it."""

from dataclasses import dataclass

from numpy_vitmatte.errors import VitMatteError
from numpy_vitmatte.network.memory import parse_bytes
from numpy_vitmatte.pipeline import DEFAULT_MODEL
from numpy_vitmatte.runtime.precision import checked_precision

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
"""Names of this machine for itself, which a Host header may always carry."""


@dataclass(frozen=True)
class ServiceSettings:
    """The settings of a service; each has the option of ``numpy-vitmatte serve`` of the same name.

    Attributes
    ----------
    models : tuple of str
        Checkpoints to choose from, as :func:`~numpy_vitmatte.matte` takes them; the first is the default.
    threads : int, optional
        How many threads compute; by default as many as there are processors.
    lanes : int
        How many pictures are computed at a time. One picture already keeps all threads busy.
    queue : int
        How many more may wait; a further one is sent away with status 503.
    max_pixels : int
        Pictures of more pixels are refused by their header.
    max_upload : int or str
        Bytes of a request's body, or words such as ``"64MB"``.
    max_memory : int or str, optional
        Bytes that the process may take at its peak; None: as much as the pictures need.
    precision : str, optional
        The precision of products where a request names none; see :func:`~numpy_vitmatte.matte`.
    timeout : float
        Seconds in which a request's body must have arrived, and in which a client must take each piece of an answer.
    page : bool
        Whether ``/`` is the page; otherwise there is the API alone.
    allowed_hosts : tuple of str
        Names that the Host header may carry in addition to those of the loopback; ``"*"``: any.
    allowed_origins : tuple of str
        Origins (``https://example.org``) whose pages may call the API.
    token : str, optional
        A secret that every call of the API must carry as ``Authorization: Bearer``.
    """

    models: tuple[str, ...] = (DEFAULT_MODEL,)
    threads: int | None = None
    lanes: int = 1
    queue: int = 16
    max_pixels: int = 50_000_000
    max_upload: int | str = "64MB"
    max_memory: int | str | None = None
    precision: str | None = None
    timeout: float = 30.0
    page: bool = True
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    token: str | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no service.

        Raises
        ------
        VitMatteError
        """
        for name, least in (("lanes", 1), ("queue", 0), ("max_pixels", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise VitMatteError(f"{name} is {value!r}; expected a whole number, {least} or more")
        if not self.models:
            raise VitMatteError("there is no model; expected the name or directory of a checkpoint")
        if not self.timeout > 0:
            raise VitMatteError(f"timeout is {self.timeout!r}; expected seconds, more than 0")
        if self.token is not None and not self.token.strip():
            raise VitMatteError("the token is empty; expected a secret, or none at all")
        for origin in self.allowed_origins:
            scheme, _, rest = origin.partition("://")
            if scheme not in ("http", "https") or not rest or "/" in rest:
                raise VitMatteError(f"origin {origin!r} is none; expected scheme and host, such as https://example.org")
        checked_precision(self.precision)
        parse_bytes(self.max_upload)
        if self.max_memory is not None:
            parse_bytes(self.max_memory)

    @property
    def upload_bytes(self) -> int:
        """The longest body of a request."""
        return int(parse_bytes(self.max_upload))

    @property
    def memory_bytes(self) -> int | None:
        """The most memory to take, if there is a limit."""
        return None if self.max_memory is None else int(parse_bytes(self.max_memory))
