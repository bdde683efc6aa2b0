"""Which code a result depends on: a change there makes what was kept of it stale."""

from functools import cache
from hashlib import sha256
from pathlib import Path

import unmask

LIBRARY = Path(unmask.__file__).parent
PREPROCESSING = ("records.py", "preprocessing")
TRAINING = (
    *PREPROCESSING,
    "models",
    "training",
    "data",
    "evaluation/metrics.py",
)


def training_fingerprint() -> str:
    """Of fitting and calibrating a detector."""
    return fingerprint(*TRAINING)


@cache
def fingerprint(*parts: str) -> str:
    """Hash of the Python files under parts of the library, 64 hexadecimal digits."""
    total = sha256()
    for part in parts:
        for file in sorted([LIBRARY / part, *(LIBRARY / part).rglob("*.py")]):
            if file.is_file():
                total.update(file.relative_to(LIBRARY).as_posix().encode())
                total.update(file.read_bytes())
    return total.hexdigest()
