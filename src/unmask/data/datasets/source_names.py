"""What the source of a clip is called: by the name of its data set, or by the registry."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from unmask.data.protocols.registry import PROTOCOLS
from unmask.records import Clip

log = logging.getLogger(__name__)
NAMES = {protocol.alias: name for name, protocol in PROTOCOLS.items()} | {
    name: name for name in PROTOCOLS
}


def find_published_set(clip: Clip) -> str:
    """Return the registry's name of the data set of a clip, by its source; empty if it has none."""
    return clip.published_set or NAMES.get(clip.source, "")


def name_sources(
    clips: Sequence[Clip], name: str, sources: frozenset[str] = frozenset()
) -> tuple[str, ...]:
    """Return the source of each clip of a data set that is called ``name``.

    It is the name alone, but for a set for testing alone that lies beside one with training clips,
    such as DeepFakeDetection beside FaceForensics++: its clips are of the source ``NAME-dfd``, by
    the suffix of its protocol. No clip of it is trained on, so its scores are not the other's.

    Args:
        clips: Clips of the set, with the sources that it names itself.
        name: Empty to keep those sources.
        sources: Further sources in the folder, none of whose clips is used.
    """
    if not name:
        return tuple(clip.source for clip in clips)
    known = sources | {clip.source for clip in clips}
    _warn_of_other_names(name, known)
    suffixes = {source: _test_suffix(source) for source in known}
    if "" not in suffixes.values():
        return (name,) * len(clips)
    return tuple("-".join(filter(None, (name, suffixes[clip.source]))) for clip in clips)


def _warn_of_other_names(name: str, sources: frozenset[str]) -> None:
    """Warn that gates on a published set do not read it under another name than its alias."""
    published = [PROTOCOLS[source] for source in sorted(sources & PROTOCOLS.keys())]
    trained = [protocol for protocol in published if not protocol.suffix]
    for protocol in trained:
        if name != protocol.alias:
            log.warning(
                "gates call %s %s, and do not read it as %s; --data %s=FOLDER gives it that name",
                protocol.name,
                protocol.alias,
                name,
                protocol.alias,
            )


def _test_suffix(source: str) -> str:
    """Return the suffix of a set for testing alone; empty for any other source."""
    protocol = PROTOCOLS.get(source)
    return protocol.suffix if protocol is not None and protocol.role == "test" else ""


def use_aliases(clips: Sequence[Clip]) -> tuple[Clip, ...]:
    """Call the sources that are published data sets by their aliases, and log which.

    Gates name a source by its alias. Sources that are no published set keep their names.
    """
    known = sorted({clip.source for clip in clips} & PROTOCOLS.keys())
    for source in known:
        alias = PROTOCOLS[source].alias
        log.warning(
            "a folder without a name has clips of %s: their source is called %s, as in gates; "
            "--data NAME=FOLDER gives another name",
            source,
            alias,
        )
    return tuple(
        replace(clip, source=PROTOCOLS[clip.source].alias, published_set=clip.source)
        if clip.source in known
        else clip
        for clip in clips
    )
