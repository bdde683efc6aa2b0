"""Code fingerprints: part of the cache keys of everything that the library computes."""

from functools import cache
from hashlib import sha256
from pathlib import Path

LIBRARY = Path(__file__).parents[1]
PREPROCESSING = ("records.py", "preprocessing")
TRAINING = (
    *PREPROCESSING,
    "models",
    "training",
    "data",
    "evaluation/metrics.py",
)
FACE_FEATURES = (
    *(
        f"models/backbones/{name}.py"
        for name in ("frame_encoder", "block_tokens", "noise_residual_net")
    ),
)


def training_fingerprint() -> str:
    """Return the hash of the code that fitting and calibration depend on."""
    return fingerprint(*TRAINING)


def face_feature_fingerprint() -> str:
    """Return the hash of the code from which a backbone's features follow, given the pixels."""
    return fingerprint(*FACE_FEATURES)


@cache
def fingerprint(*parts: str) -> str:
    """Return the SHA-256 of names and content of Python files, 64 hexadecimal digits.

    Args:
        parts: Files and directories, relative to the package ``unmask``.
    """
    digest = sha256()
    for part in parts:
        for file in sorted([LIBRARY / part, *(LIBRARY / part).rglob("*.py")]):
            if file.is_file():
                digest.update(file.relative_to(LIBRARY).as_posix().encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()
