"""The folder of converted networks that the registry of pretrained networks fills."""

import os
from pathlib import Path

from platformdirs import user_cache_path


def weights_dir() -> Path:
    """Return ``UNMASK_WEIGHTS_DIR`` or a folder of the user's cache; it may not exist yet."""
    return Path(os.environ.get("UNMASK_WEIGHTS_DIR") or user_cache_path("unmask") / "weights")
