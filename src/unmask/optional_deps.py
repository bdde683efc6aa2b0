"""Import of optional dependencies."""

import re
from collections import Counter
from importlib import import_module
from importlib.metadata import requires
from types import ModuleType

from unmask.errors import MissingExtraError

# import name to distribution, where the two differ
_DISTRIBUTIONS = {
    "c2pa": "c2pa-python",
    "cv2": "opencv-python-headless",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
}
_REQUIREMENT = re.compile(r"([\w.-]+).*; extra == ['\"](\w+)['\"]")


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


def find_extra(module: str) -> str | None:
    """Return the smallest extra of unmask that installs ``module``; ``None`` where none does."""
    name = _DISTRIBUTIONS.get(module, module).replace("_", "-")
    matches = list(filter(None, map(_REQUIREMENT.match, requires("unmask") or [])))
    sizes = Counter(match[2] for match in matches)
    extras = [match[2] for match in matches if match[1].lower().replace("_", "-") == name]
    return min(extras, key=lambda extra: (sizes[extra], extra), default=None)
