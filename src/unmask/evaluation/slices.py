"""Parts of the clips of an evaluation: per source, kind of manipulation and compression level."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

SliceKind = Literal["all", "source", "manipulation", "compression"]
NOT_STATED = "not stated"  # the compression level of clips whose data set names none
MIN_CLIPS = 5  # fakes, and genuine clips, below which a part of an attack or codec table has no row


class LabelledClip(Protocol):
    """What is known of a clip, or of the row of a score table."""

    @property
    def source(self) -> str:
        """Data set."""

    @property
    def is_fake(self) -> bool:
        """Whether anything about it is forged."""

    @property
    def manipulation(self) -> str:
        """Kind of forgery."""

    @property
    def compression(self) -> str:
        """Level of compression; empty if the data set names none."""


@dataclass(frozen=True, slots=True)
class ClipSlice:
    """Some clips of an evaluation.

    Attributes:
        kind: What the clips have in common.
        name: Source, manipulation or compression level; the latter two as ``SOURCE/NAME`` where
            the clips are of several sources. Empty for all clips.
        indices: Positions of the clips.
    """

    kind: SliceKind
    name: str
    indices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PartOfClips:
    """A part of the clips in a report, with the reason if nothing is measured on it.

    Attributes:
        kind, name: See :class:`ClipSlice`.
        fakes, reals: Number of clips of each class.
        not_measured: Why there is no row; empty if there are rows.
    """

    kind: SliceKind
    name: str
    fakes: int
    reals: int
    not_measured: str = ""

    @property
    def title(self) -> str:
        """Kind and name as one phrase, such as ``manipulation celebdf/faceswap``."""
        return f"{self.kind} {self.name}"

    @property
    def heading(self) -> str:
        """Title and counts."""
        return f"{self.title} ({self.fakes} fake + {self.reals} genuine)"


def list_slices(clips: Sequence[LabelledClip]) -> Iterator[ClipSlice]:
    """Yield all clips, then those of each source, kind of manipulation and compression level.

    Kinds and levels of several sources are kept apart. The fakes of one kind come with the genuine
    clips of their source, or with all genuine clips where it has none.
    """
    sources = sorted({clip.source for clip in clips})
    yield ClipSlice("all", "", tuple(range(len(clips))))
    for source in sources:
        yield ClipSlice("source", source, _find(clips, source))
    for source in sources:
        prefix = f"{source}/" if len(sources) > 1 else ""
        genuine = _find(clips, source, is_fake=False) or _find(clips, is_fake=False)
        fakes = _find(clips, source, is_fake=True)
        for kind in sorted({clips[index].manipulation for index in fakes}):
            chosen = [index for index in fakes if clips[index].manipulation == kind]
            name = f"{prefix}{kind}"
            yield ClipSlice("manipulation", name, tuple(sorted([*chosen, *genuine])))
    for source in sources:
        prefix = f"{source}/" if len(sources) > 1 else ""
        own = _find(clips, source)
        levels = sorted({clips[index].compression for index in own})
        for level in levels if any(levels) else ():
            chosen = [index for index in own if clips[index].compression == level]
            yield ClipSlice("compression", f"{prefix}{level or NOT_STATED}", tuple(chosen))


def list_parts(
    clips: Sequence[LabelledClip], is_scored: NDArray[np.bool_] | None = None
) -> Iterator[tuple[PartOfClips, list[int]]]:
    """Yield each source, kind and level, also where there is only one, with its clips' indices.

    One with fewer than ``MIN_CLIPS`` fakes or genuine clips says so in ``not_measured``. Clips of
    an unnamed data set are no source.

    Args:
        is_scored: Which clips count, shape ``(clips,)``; ``None`` for all.
    """
    for part in list_slices(clips):
        if part.name:
            labels = [clips[i].is_fake for i in part.indices if is_scored is None or is_scored[i]]
            counts = sum(labels), len(labels) - sum(labels)
            yield PartOfClips(part.kind, part.name, *counts, _shortage(*counts)), [*part.indices]


def list_sources_and_kinds(
    clips: Sequence[LabelledClip],
) -> Iterator[tuple[PartOfClips, list[int]]]:
    """Yield the parts of :func:`list_parts` but for the compression levels."""
    for part, indices in list_parts(clips):
        if part.kind != "compression":
            yield part, indices


def list_levels(clips: Sequence[LabelledClip], source: str) -> tuple[str, ...]:
    """Return the compression levels of a source; none where it names none."""
    levels = sorted({clip.compression for clip in clips if clip.source == source})
    return tuple(level or NOT_STATED for level in levels) if any(levels) else ()


def name_missing_class(fakes: int, reals: int) -> str:
    """Return which class has no clips, as a reason why nothing is measured; empty if none."""
    missing = [kind for kind, count in (("fake", fakes), ("genuine", reals)) if not count]
    return f"no {' and no '.join(missing)} clips" if missing else ""


def describe_left_out(sources: Sequence[str]) -> str:
    """Return a sentence on data sets that are no part of a report; empty if there are none."""
    if not sources:
        return ""
    which = "which has" if len(sources) == 1 else "which have"
    return (
        f"not in this report: {', '.join(sources)}, {which} no training clips; the cross-dataset "
        "evaluation measures such data sets"
    )


def _find(
    clips: Sequence[LabelledClip], source: str | None = None, is_fake: bool | None = None
) -> tuple[int, ...]:
    return tuple(
        index
        for index, clip in enumerate(clips)
        if source in (None, clip.source) and is_fake in (None, clip.is_fake)
    )


def _shortage(fakes: int, reals: int) -> str:
    if min(fakes, reals) >= MIN_CLIPS:
        return ""
    return name_missing_class(fakes, reals) or f"too few clips, a row takes {MIN_CLIPS} of each"
