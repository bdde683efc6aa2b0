"""Tags of a media file: what container and streams say about their origin."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unmask.preprocessing.media.container import open_container

MAX_TAGS = 60
MAX_TAG_LENGTH = 300
X264_MARK = b"x264 - core "
X265_MARK = b"x265 (build "
ENCODER_MARKS = (X264_MARK, X265_MARK)
HEAD_BYTES = 1 << 20  # encoders write their settings beside the first frame
MAX_MARK_BYTES = 160


@dataclass(frozen=True, slots=True)
class FileTags:
    """What a file says about itself; anybody can change it.

    Attributes:
        container: FFmpeg's name of the format, such as ``mov,mp4,m4a,3gp,3g2,mj2``.
        tags: Tags of the container, and of each stream under ``stream N: name``.
        encoder_settings: Text that the video encoder left in the stream; ``None`` without one.
        truncated: Whether there are more tags than are kept.
    """

    container: str
    tags: dict[str, str]
    encoder_settings: str | None
    truncated: bool


def read_file_tags(path: Path) -> FileTags:
    """Read the tags of a media file.

    Raises:
        MediaError: The file is not a media file.
    """
    with open_container(path) as container:
        name = str(container.format.name)
        tags = {key: value for key, value in _tags(container) if value}
    kept = dict(list(tags.items())[:MAX_TAGS])
    return FileTags(name, kept, _encoder_settings(path), len(tags) > len(kept))


def _tags(container: Any) -> Any:
    for key, value in container.metadata.items():
        yield _printable(key), _printable(value)
    for stream in container.streams:
        for key, value in stream.metadata.items():
            yield f"stream {stream.index}: {_printable(key)}", _printable(value)


def _encoder_settings(path: Path) -> str | None:
    with path.open("rb") as file:
        content = file.read(HEAD_BYTES)
        if path.stat().st_size > 2 * HEAD_BYTES:  # an index in front moves the first frame back
            file.seek(-HEAD_BYTES, 2)
            content += file.read()
        else:
            content += file.read()
    for mark in ENCODER_MARKS:
        if (start := content.find(mark)) >= 0:
            text = content[start : start + MAX_MARK_BYTES].split(b"\0")[0]
            return _printable(text.decode("ascii", "replace"))
    return None


def _printable(text: object) -> str:
    letters = "".join(letter if letter.isprintable() else " " for letter in str(text))
    return letters.strip()[:MAX_TAG_LENGTH]
