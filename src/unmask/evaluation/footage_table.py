"""Footage that a detector was made with, by source and terms, for its model card."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from unmask.evaluation.generator_families import family_of
from unmask.markdown_table import markdown_table
from unmask.records import Clip

HEADER = ("source", "genuine", "fake", "terms, as stated there")
NOT_STATED = "not stated"
TERMS = (
    "Each source has terms of its own. Footage for research only, or without stated terms, limits "
    "the detector to research and testing."
)


def footage_section(clips: Sequence[Clip]) -> tuple[str, ...]:
    """Return the paragraphs on the clips that trained, calibrated and tested a detector."""
    by_source: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        by_source[clip.source].append(clip)
    genuine = sum(not clip.is_fake for clip in clips)
    summary = (
        f"{len(clips)} clips of {len({clip.identity for clip in clips})} people from "
        f"{len(by_source)} sources: {genuine} genuine, {len(clips) - genuine} fake. {TERMS}"
    )
    rows = [_cells(source, own) for source, own in sorted(by_source.items())]
    return "## Footage", summary, markdown_table(HEADER, rows)


def _cells(source: str, clips: Sequence[Clip]) -> tuple[str, ...]:
    fakes = Counter(family_of(clip) for clip in clips if clip.is_fake)
    counts = ", ".join(f"{count} {family}" for family, count in sorted(fakes.items()))
    return source, str(len(clips) - fakes.total()), counts or "0", _terms(clips)


def _terms(clips: Iterable[Clip]) -> str:
    stated = sorted({" ".join(clip.licence.split()) for clip in clips})
    return "; ".join(terms or NOT_STATED for terms in stated)
