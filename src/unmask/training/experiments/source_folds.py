"""Folds of leave-one-source-out: what is tested, and what may be trained on."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from unmask.data.splits import GROUP_KEYS, assign_splits
from unmask.errors import ConfigError, DataError
from unmask.records import Clip

FRACTIONS = {"train": 0.75, "val": 0.25}
NOTE = re.compile(r"\(([^)]*)\)")  # what a data set adds to the name of a generator


@dataclass(frozen=True, slots=True)
class SourceFold:
    """Sources that are tested together, by a detector that saw nothing of them.

    Attributes:
        sources: Names of the tested sources.
        developed: Clips of ``train`` and ``val``. They share no source, person, footage, file or
            generator with ``tested``, and the two splits share no source, person, footage or file.
        tested: All clips of the sources, with split ``test``.
        withheld: Clips of other sources that are left out, as they share something with ``tested``.
    """

    sources: tuple[str, ...]
    developed: tuple[Clip, ...]
    tested: tuple[Clip, ...]
    withheld: int


def generator_names(text: str) -> frozenset[str]:
    """Return the names under which a generator is compared, in lower case.

    Several tools that made a fake one after the other are joined by ``+``. A note in parentheses is
    ignored, unless it lists the tools that a fake may be from, separated by ``/``.

    Example:
        >>> sorted(generator_names("Wav2Lip+CodeFormer"))
        ['codeformer', 'wav2lip']
        >>> sorted(generator_names("AVLips (SadTalker/Wav2Lip, not stated per clip)"))
        ['avlips', 'sadtalker', 'wav2lip']
        >>> generator_names("AniPortrait (audio)") == generator_names("AniPortrait (video)")
        True
        >>> generator_names("Hallo2") & generator_names("Hallo")
        frozenset()
    """
    listed = [note.partition(",")[0] for note in NOTE.findall(text) if "/" in note]
    names = NOTE.sub("", text).split("+") + [name for note in listed for name in note.split("/")]
    return frozenset(name.strip().casefold() for name in names if name.strip())


def make_folds(clips: Sequence[Clip], count: int | None, seed: int) -> tuple[SourceFold, ...]:
    """Test every source once, each by clips that share nothing with it.

    Args:
        clips: Clips of several sources; their splits have no effect. Own forgeries are trained on
            but not tested.
        count: Number of folds, of about the same number of clips; one per source if ``None``.
        seed: Seed of the split into ``train`` and ``val``.

    Raises:
        ConfigError: There are fewer than two folds, or more than sources.
        DataError: ``train`` or ``val`` of a fold lacks genuine or fake clips.
    """
    return tuple(_fold(clips, sources, seed) for sources in group_sources(clips, count))


def group_sources(clips: Sequence[Clip], count: int | None) -> list[tuple[str, ...]]:
    """Put each source, the largest first, into the fold with the fewest clips.

    This is the longest-processing-time rule (Graham 1969, doi:10.1137/0117039).

    Args:
        count: Number of folds; one per source if ``None``.

    Raises:
        ConfigError: There are fewer than two folds, or more than sources.
    """
    sizes = Counter(clip.source for clip in clips if not clip.own_forgery)
    folds = len(sizes) if count is None else count
    if not 2 <= folds <= len(sizes):
        raise ConfigError(
            f"{folds} folds of {len(sizes)} sources: use 2 folds or more, and no more than sources"
        )
    groups: list[list[str]] = [[] for _ in range(folds)]
    totals = [0] * folds
    for source, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        smallest = totals.index(min(totals))
        groups[smallest].append(source)
        totals[smallest] += size
    return [tuple(sorted(group)) for group in groups]


def _fold(clips: Sequence[Clip], sources: tuple[str, ...], seed: int) -> SourceFold:
    tested = [clip for clip in clips if clip.source in sources and not clip.own_forgery]
    known = {(key, getattr(clip, key)) for clip in tested for key in GROUP_KEYS}
    generators = frozenset().union(*(generator_names(clip.generator) for clip in tested))
    others = [clip for clip in clips if clip.source not in sources]
    remaining = [
        replace(clip, official_split=False)
        for clip in others
        if not known & {(key, getattr(clip, key)) for key in GROUP_KEYS}
        and not generators & generator_names(clip.generator)
    ]
    developed = assign_splits(remaining, FRACTIONS, seed, (*GROUP_KEYS, "source"))
    _check_classes(developed, sources)
    return SourceFold(
        sources,
        developed,
        tuple(replace(clip, split="test", official_split=False) for clip in tested),
        len(others) - len(remaining),
    )


def _check_classes(clips: Sequence[Clip], sources: Sequence[str]) -> None:
    for split in FRACTIONS:
        labels = {clip.is_fake for clip in clips if clip.split == split}
        if len(labels) < 2:
            raise DataError(
                f"without {', '.join(sources)} and what shares people or generators with them, "
                f"{split} lacks genuine or fake clips; use more folds, or add sources with both"
            )
