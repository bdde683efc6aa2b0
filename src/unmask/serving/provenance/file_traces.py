"""Traces of device, encoder and editing programs in a file's tags."""

import re
from pathlib import Path

from unmask.preprocessing.media.file_tags import FileTags, read_file_tags
from unmask.serving.report.provenance import FileTraces

MAKE = ("com.apple.quicktime.make", "com.android.manufacturer", "make")
MODEL = ("com.apple.quicktime.model", "com.android.model", "model")
CREATED = ("com.apple.quicktime.creationdate", "creation_time", "date")
ENCODER = ("encoder", "encoded_by", "writing_application", "com.apple.quicktime.software")
# names of programs that edit or generate video, as their files state them
PROGRAMS = re.compile(
    r"adobe premiere[^,;]*|adobe after effects[^,;]*|adobe media encoder[^,;]*|final cut[^,;]*"
    r"|davinci resolve[^,;]*|imovie[^,;]*|capcut[^,;]*|kdenlive[^,;]*|shotcut[^,;]*|handbrake[^,;]*"
    r"|avid [^,;]*|vegas[^,;]*|filmora[^,;]*|inshot[^,;]*|obs[ -]studio[^,;]*|facefusion[^,;]*"
    r"|deepfacelab[^,;]*|heygen[^,;]*|synthesia[^,;]*|runway[^,;]*|sora\b[^,;]*|veo\b[^,;]*"
    r"|d-id\b[^,;]*|google generative ai[^,;]*",
    re.IGNORECASE,
)


def read_file_traces(path: Path) -> FileTraces:
    """Read what the metadata of a media file say.

    Raises:
        MediaError: The file is not a media file.
    """
    return find_traces(read_file_tags(path))


def find_traces(tags: FileTags) -> FileTraces:
    """Find device, encoder and programs in the tags."""
    named = {key.lower(): value for key, value in reversed(tags.tags.items())}
    named |= {key.partition(": ")[2].lower(): value for key, value in tags.tags.items()
              if ": " in key and key.partition(": ")[2].lower() not in named}  # fmt: skip
    make, model = _first(named, MAKE), _first(named, MODEL)
    device = " ".join(part for part in (make, model) if part)
    programs = [match.group().strip() for value in tags.tags.values()
                for match in PROGRAMS.finditer(value)]  # fmt: skip
    return FileTraces(
        container=tags.container,
        encoder=_first(named, ENCODER),
        encoder_settings=tags.encoder_settings,
        device=device or None,
        software=tuple(dict.fromkeys(programs)),
        created_at=_first(named, CREATED),
        tags=tags.tags,
    )


def _first(tags: dict[str, str], names: tuple[str, ...]) -> str | None:
    return next((tags[name] for name in names if tags.get(name)), None)
