"""Which code a step's result depends on: a change there makes cached results stale.

The preprocessing cache looks after itself, by settings; ZenML's cache of steps does not see
into the library, so each step names the parts of it that it stands on.
"""

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


def data_code() -> str:
    """Of reading, validating and forging data."""
    return code_sha("records.py", "data")


def preprocessing_code() -> str:
    """Of turning media into arrays."""
    return code_sha(*PREPROCESSING)


def training_code() -> str:
    """Of fitting and calibrating a detector."""
    return code_sha(*TRAINING)


def evaluation_code() -> str:
    """Of scoring, attacking and measuring a detector."""
    return code_sha(*TRAINING, "evaluation", "robustness")


@cache
def code_sha(*parts: str) -> str:
    """Hash of the Python files under parts of the library, 64 hexadecimal digits."""
    total = sha256()
    for part in parts:
        for file in sorted([LIBRARY / part, *(LIBRARY / part).rglob("*.py")]):
            if file.is_file():
                total.update(file.relative_to(LIBRARY).as_posix().encode())
                total.update(file.read_bytes())
    return total.hexdigest()
