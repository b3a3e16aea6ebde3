"""``numpy-vitmatte serve``: matting as a service, with a page to do it on."""

import argparse
import os

from numpy_vitmatte.cli.matting_options import add_precision
from numpy_vitmatte.cli.options import add_pixel_limit, add_verbosity_options
from numpy_vitmatte.errors import VitMatteError

DESCRIPTION = """Serve matting over HTTP, with a page to use it on at http://127.0.0.1:7000. The address goes to
stdout, and the log goes to stderr. The API is described at /docs. It needs the extra [serve]:
pip install 'numpy-vitmatte[serve]'. Without --allow-host it answers only requests that call it by a name of this
machine."""

EXAMPLES = """examples:
  numpy-vitmatte serve
  numpy-vitmatte serve --port 8080 --threads 4 --max-memory 4GB --model vitmatte-tiny --model ./my-checkpoint
  numpy-vitmatte serve --host 0.0.0.0 --allow-host matting.example.org --no-page
  curl -F image=@photo.jpg -F trimap=@trimap.png http://127.0.0.1:7000/v1/matte -o alpha.png
"""

_TOKEN = "NUMPY_VITMATTE_TOKEN"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=7000, help="port to listen on; 0 takes a free one (default: %(default)s)"
    )
    parser.add_argument("--model", metavar="NAME|DIR", action="append", default=[], help="a checkpoint that clients "
                        "may choose; the first of several is the default (default: vitmatte-tiny)")  # fmt: skip
    parser.add_argument("--threads", metavar="N", type=int, help="how many threads compute (default: one for each CPU)")
    add_precision(parser)
    limits = parser.add_argument_group("limits")
    limits.add_argument("--lanes", metavar="N", type=int, default=1, help="photos computed at a time; one keeps all "
                        "threads busy (default: %(default)s)")  # fmt: skip
    limits.add_argument("--queue", metavar="N", type=int, default=16, help="photos that may wait; then clients are "
                        "asked to come again (default: %(default)s)")  # fmt: skip
    limits.add_argument("--max-upload", metavar="SIZE", default="64MB", help="largest request (default: %(default)s)")
    limits.add_argument(
        "--max-memory", metavar="SIZE", help="the most memory that the process may take, such as 4GB; default: no limit"
    )
    limits.add_argument("--timeout", metavar="SECONDS", type=float, default=30.0, help="time for a request to arrive, "
                        "and for a client to take each piece of an answer (default: %(default)s)")  # fmt: skip
    add_pixel_limit(limits)
    access = parser.add_argument_group("access")
    access.add_argument("--allow-host", metavar="NAME", action="append", default=[], help="a name that clients may "
                        "call the service by, in addition to localhost; '*': any")  # fmt: skip
    access.add_argument("--allow-origin", metavar="URL", action="append", default=[], help="an origin whose pages may "
                        "call it, such as https://example.org")  # fmt: skip
    access.add_argument("--token", help=f"a secret that calls must carry as 'Authorization: Bearer ...'; in the "
                        f"environment as {_TOKEN} other users of the machine cannot read it")  # fmt: skip
    access.add_argument("--no-page", dest="page", action="store_false", help="serve the API alone, without the page")
    add_verbosity_options(parser)
    parser.set_defaults(max_pixels=50_000_000)


def run(arguments: argparse.Namespace) -> None:
    """Serve until the process is told to stop.

    Raises
    ------
    VitMatteError
        The extra is missing, a setting cannot be, a checkpoint cannot be used, or the address is taken.
    """
    try:
        from numpy_vitmatte.serve import ServiceSettings, create_app
        from numpy_vitmatte.serve.server import run_server
    except ModuleNotFoundError as error:
        raise VitMatteError(str(error)) from None
    if not 0 <= arguments.port <= 65535:
        raise VitMatteError(f"port is {arguments.port}; expected 0 to 65535")
    names = ("threads", "lanes", "queue", "max_pixels", "max_upload", "max_memory", "timeout", "page", "precision")
    settings = ServiceSettings(
        **{name: getattr(arguments, name) for name in names},
        models=tuple(arguments.model) or ServiceSettings.models,
        allowed_hosts=tuple(arguments.allow_host),
        allowed_origins=tuple(arguments.allow_origin),
        token=arguments.token or os.environ.get(_TOKEN) or None,
    )
    run_server(create_app(settings), arguments.host, arguments.port, arguments.verbosity)
