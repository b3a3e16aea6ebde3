"""Draw the navigation of source pages once: it took a third of the time in which the site is built.

Viewcode makes a page of every module, and Furo draws the whole tree beside each. No source page is in that tree, so it
is the same on all of them but for the way up to the root, which depends on a page's depth alone.
"""

from collections.abc import Callable
from typing import Any


def setup(app: Any) -> dict[str, Any]:
    """Come before Furo, which asks for the tree at Sphinx's usual priority of 500."""
    drawn: dict[tuple[Any, ...], str] = {}

    def share(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
        if page.startswith("_modules/"):
            context["toctree"] = _once(context["toctree"], drawn, page.count("/"))

    app.connect("html-page-context", share, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _once(draw: Callable[..., str], drawn: dict[tuple[Any, ...], str], depth: int) -> Callable[..., str]:
    """Return a function that draws what has not been drawn at this depth, with these options."""

    def tree(**options: Any) -> str:
        wanted = depth, *sorted(options.items())
        if wanted not in drawn:
            drawn[wanted] = draw(**options)
        return drawn[wanted]

    return tree
