"""Kinds of inputs, told by their name; imports nothing heavy, as every `unmask analyze` asks."""

import glob
import re
from pathlib import Path

STDIN = "-"
TEXT_LISTS = (".txt", ".lst")
CSV_DELIMITERS = {".csv": ",", ".tsv": "\t"}
LISTS = (*TEXT_LISTS, *CSV_DELIMITERS, ".parquet")
ZIP = ".zip"
COMPRESSED_TARS = {
    "gzip": (".tar.gz", ".tgz"),
    "bzip2": (".tar.bz2", ".tbz2"),
    "xz": (".tar.xz", ".txz"),
}
ARCHIVES = (ZIP, ".tar", *(suffix for suffixes in COMPRESSED_TARS.values() for suffix in suffixes))
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def scheme_of(text: str) -> str:
    """Return the scheme of a URL in lower case; empty for a path.

    Example:
        >>> scheme_of("S3://bucket/a.mp4"), scheme_of("clips/a.mp4")
        ('s3', '')
    """
    match = SCHEME.match(text)
    return "" if match is None else match[1].lower()


def file_name(location: str) -> str:
    """Return a path, or a URL without its query, in lower case, whose end tells the kind.

    Example:
        >>> file_name("https://host/A.zip?token=1"), file_name("what?.zip")
        ('https://host/a.zip', 'what?.zip')
    """
    return (location.partition("?")[0] if scheme_of(location) else location).lower()


def is_archive(location: str) -> bool:
    """Return whether a file is opened as an archive."""
    return file_name(location).endswith(ARCHIVES)


def is_list(name: str) -> bool:
    """Return whether a file is read as a list of paths; ``-`` is standard input."""
    return name == STDIN or (not scheme_of(name) and name.lower().endswith(LISTS))


def is_collection(argument: str) -> bool:
    """Return whether an argument stands for anything but one local file."""
    if scheme_of(argument) or is_list(argument) or is_archive(argument):
        return True
    path = Path(argument)
    return path.is_dir() or (glob.has_magic(argument) and not path.exists())
