"""Matting as a service: an HTTP API and a page to do it on, the extra ``[serve]``."""

try:
    from numpy_vitmatte.serve.app import create_app
    from numpy_vitmatte.serve.settings import ServiceSettings
except ModuleNotFoundError as error:
    if (error.name or "").startswith("numpy_vitmatte"):
        raise
    raise ModuleNotFoundError(
        f"the service needs {error.name}: pip install 'numpy-vitmatte[serve]'", name=error.name
    ) from error

__all__ = ["ServiceSettings", "create_app"]
