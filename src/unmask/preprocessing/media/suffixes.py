"""Media files by the suffix of their names."""

from collections.abc import Iterable
from pathlib import Path

VIDEO_SUFFIXES = frozenset({
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".wmv", ".3gp"),
})  # fmt: skip
AUDIO_SUFFIXES = frozenset({".wav", ".mp3", ".m4a", ".aac", ".flac", ".ogg", ".opus"})
MEDIA_SUFFIXES = VIDEO_SUFFIXES | AUDIO_SUFFIXES


def list_media(folder: Path, suffixes: Iterable[str] = MEDIA_SUFFIXES) -> list[Path]:
    """Return the files below ``folder`` whose suffix, in any case, is one of ``suffixes``, sorted.

    Hidden files are left out; those are metadata of other systems or unfinished downloads.
    """
    allowed = frozenset(suffixes)
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in allowed and not path.name.startswith(".") and path.is_file()
    )
