"""Files of a bundle: weights checked against their hash, and a folder moved into place."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from unmask.errors import BundleError
from unmask.files import file_sha256


def check_hash(path: Path, expected_sha: str) -> None:
    """Check that a file is the one of the bundle.

    Raises:
        BundleError: It is another.
    """
    if file_sha256(path) != expected_sha:
        raise BundleError(
            f"{path}: its hash differs from the one in the bundle's metadata; fetch it again"
        )


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Name the file in errors of reading its weights."""
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        raise BundleError(f"{path}: cannot read the weights: {error}") from error


def move_into_place(unfinished: Path, folder: Path) -> None:
    """Give a finished folder its name, in place of an older one."""
    if not folder.exists():
        unfinished.replace(folder)
        return
    retired = folder.with_name(f".{folder.name}.old.{os.getpid()}")
    folder.replace(retired)  # a folder that is not empty cannot be replaced in one move
    unfinished.replace(folder)
    shutil.rmtree(retired)
