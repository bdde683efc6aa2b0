"""Files that crashed a worker process, remembered so that no other process decodes them again.

A crash of a decoder cannot be caught: it ends the process, be it a training of several days. The
record is void for other versions of the decoder and of the code that prepares features.
"""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from unmask.errors import MediaError
from unmask.preprocessing.cache import Cache, Entry, cache_key
from unmask.preprocessing.media.container import media_sha256

STAGE = "crashed"


def record_crash(path: Path, cache: Cache, versions: Mapping[str, int]) -> str:
    """Remember that preparing the file ended a worker process, and return the error's message."""
    cache.save(STAGE, _key(path, versions), Entry({}, {}))
    return _message(path, cache)


def raise_if_crashed(path: Path, cache: Cache, versions: Mapping[str, int]) -> None:
    """Check that the file has not ended a worker process before.

    Raises:
        MediaError: It has.
    """
    if cache.load(STAGE, _key(path, versions)) is not None:
        raise MediaError(_message(path, cache))


def _message(path: Path, cache: Cache) -> str:
    return (
        f"{path}: decoding it crashed a worker process; export the file again, or delete "
        f"{cache.root / STAGE} to try again"
    )


def _key(path: Path, versions: Mapping[str, int]) -> str:
    return cache_key(STAGE, media_sha256(path), {"av": version("av"), **versions})
