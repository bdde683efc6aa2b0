"""Media formats that are read, and the suffixes of their files."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

# Suffixes of video and of sound by the FFmpeg name of the format. Excluded are text formats, which
# FFmpeg would render as video, and playlists, with which an upload could open other files of this
# machine.
_VIDEO = {
    "mov": (".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".f4v", ".mj2", ".m4s", ".ismv", ".psp"),
    "matroska": (".mkv", ".mk3d"),
    "webm": (".webm",),
    "avi": (".avi", ".divx"),
    "mpegts": (".ts", ".mts", ".m2ts", ".m2t", ".trp"),
    "mpeg": (".mpg", ".mpeg", ".mpe", ".vob"),
    "mpegvideo": (".m1v", ".m2v", ".mpv"),
    "m4v": (".m4v",),
    "flv": (".flv",),
    "asf": (".wmv", ".asf"),
    "ogg": (".ogv", ".ogm"),
    "h264": (".h264", ".264", ".avc", ".h26l"),
    "hevc": (".hevc", ".h265", ".265"),
    "ivf": (".ivf",),
    "obu": (".obu",),
    "mxf": (".mxf",),
    "dv": (".dv", ".dif"),
    "rm": (".rm", ".rmvb"),
    "gif": (".gif",),
}
_AUDIO = {
    "mov": (".m4a", ".m4b", ".isma"),
    "matroska": (".mka",),
    "webm": (".weba",),
    "asf": (".wma",),
    "ogg": (".ogg", ".oga", ".opus", ".spx"),
    "rm": (".ra",),
    "wav": (".wav",),
    "mp3": (".mp3", ".mp2", ".mpa", ".m2a"),
    "aac": (".aac",),
    "flac": (".flac",),
    "aiff": (".aiff", ".aif", ".aifc"),
}
FORMATS = tuple(dict.fromkeys((*_VIDEO, *_AUDIO)))
VIDEO_SUFFIXES = frozenset(suffix for suffixes in _VIDEO.values() for suffix in suffixes)
AUDIO_SUFFIXES = frozenset(suffix for suffixes in _AUDIO.values() for suffix in suffixes)
MEDIA_SUFFIXES = VIDEO_SUFFIXES | AUDIO_SUFFIXES
# lists, tables and notes, which a data set has beside its media
TEXT_SUFFIXES = frozenset(
    (".csv", ".tsv", ".json", ".jsonl", ".txt", ".md", ".rst", ".html", ".pdf", ".xlsx", ".xml")
)


def list_media(folder: Path, suffixes: Iterable[str] = MEDIA_SUFFIXES) -> list[Path]:
    """Return the files below ``folder`` whose suffix, in any case, is one of ``suffixes``, sorted.

    Hidden files are left out; those are metadata of other systems or unfinished downloads.
    """
    allowed = frozenset(suffixes)
    return sorted(path for path in _iter_files(folder) if path.suffix.lower() in allowed)


def count_unknown(folder: Path) -> Counter[str]:
    """Count the files below ``folder`` that are neither media nor text, by suffix."""
    suffixes = (path.suffix.lower() for path in _iter_files(folder))
    return Counter(suffix for suffix in suffixes if suffix not in MEDIA_SUFFIXES | TEXT_SUFFIXES)


def describe_unknown(counts: Mapping[str, int]) -> str:
    """Return the counts of :func:`count_unknown` as a line; empty without files.

    Example:
        >>> describe_unknown({".srt": 1, ".xyz": 3})
        '4 files of unknown kind: .xyz 3, .srt 1'
    """
    if not counts:
        return ""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    kinds = ", ".join(f"{suffix or 'no suffix'} {count}" for suffix, count in ordered)
    total = sum(counts.values())
    return f"{total} {'file' if total == 1 else 'files'} of unknown kind: {kinds}"


def _iter_files(folder: Path) -> Iterator[Path]:
    """Yield all files below a folder that are not hidden."""
    return (p for p in folder.rglob("*") if not p.name.startswith(".") and p.is_file())
