"""The one door to optional packages."""

from importlib import import_module
from types import ModuleType

from unmask.errors import MissingExtraError


def require(module: str, extra: str) -> ModuleType:
    """Import ``module``, or say which extra brings it.

    Raises:
        MissingExtraError: The package is absent, or only a folder of that name is there
            (our own ``mlflow/`` would otherwise pass for the package).
    """
    remedy = f"install it with: pip install 'unmask[{extra}]'"
    try:
        found = import_module(module)
    except ImportError as error:
        raise MissingExtraError(f"{module} is missing; {remedy}") from error
    if found.__file__ is None:
        raise MissingExtraError(f"{module} is only a folder here; {remedy}")
    return found
