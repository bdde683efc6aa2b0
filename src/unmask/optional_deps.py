"""Import of optional dependencies."""

from importlib import import_module
from types import ModuleType

from unmask.errors import MissingExtraError


def require(module: str, extra: str) -> ModuleType:
    """Import ``module``, or name the extra that installs it.

    Raises:
        MissingExtraError: The package is not installed, or Python finds only a folder of that
            name, such as this project's ``mlflow/``.
    """
    remedy = f"install it with: pip install 'unmask[{extra}]'"
    try:
        package = import_module(module)
    except ImportError as error:
        raise MissingExtraError(f"{module} is missing; {remedy}") from error
    if package.__file__ is None:
        raise MissingExtraError(f"{module} is only a folder here; {remedy}")
    return package
