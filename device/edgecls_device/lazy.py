"""Import on demand from ``"module:attribute"``, telling a missing extra from our own bug."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from edgecls_device.errors import MissingDependencyError

__all__ = ["lazy_names", "load"]


def load(target: str, *, extra: str) -> Any:
    """Import ``module:attribute``; a missing third-party package names the extra that brings it.

    Raises:
        MissingDependencyError: If a package that is not ours is missing.
    """
    module_name, _, attribute = target.partition(":")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package.startswith("edgecls"):
            raise  # our own bug, not a missing extra
        message = f"This needs the package {package!r}, which is not installed."
        raise MissingDependencyError(message, hint=f"pip install 'edgecls[{extra}]'") from error
    return getattr(module, attribute)


def lazy_names(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a package whose public names are imported on first use (PEP 562).

    Args:
        package: Its ``__name__``.
        modules: Public name -> module inside the package that defines it.
    """

    def get(name: str) -> Any:
        if name not in modules:
            message = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(message)
        return getattr(import_module(f"{package}.{modules[name]}"), name)

    return get
