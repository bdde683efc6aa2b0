"""Published detectors, measured on labelled clips."""

from collections.abc import Mapping, Sequence

from unmask.config import Settings
from unmask.data.validation.file_facts import measure_file_facts
from unmask.errors import DataError
from unmask.evaluation.family_rows import ScoredFile
from unmask.evaluation.generator_families import family_of
from unmask.evaluation.peer_table import PeerTable, tabulate_peers
from unmask.preprocessing.cache import Cache
from unmask.progress_bar import track
from unmask.records import Clip
from unmask.training.peers.scores import collect_scores, score_clips_by_peers


def measure_peers(
    clips: Sequence[Clip],
    sources: Sequence[Sequence[str]],
    names: Sequence[str],
    settings: Settings,
    cache: Cache | None,
) -> PeerTable:
    """Score clips by published detectors and compare the families of fakes.

    Args:
        sources: Of each fold; the facts of the files are compared across folds.
        names: Networks of the registry.

    Raises:
        DataError: No clip has a score.
        WeightsError: A detector cannot be had.
    """
    fold_of = {source: number for number, fold in enumerate(sources) for source in fold}
    tested = [clip for clip in clips if not clip.own_forgery]
    runs = score_clips_by_peers(tested, names, settings.preprocessing, cache)
    result = collect_scores(tuple(track(runs, "published detectors", len(tested))), names)
    files = [
        _scored_file(clip, fold_of[clip.source], result.scores[clip.clip_id])
        for clip in tested
        if result.scores[clip.clip_id]
    ]
    if not files:
        raise DataError(f"none of {len(tested)} clips could be scored; see the warnings")
    return tabulate_peers(files, result.unscored, settings.evaluation, settings.seed)


def _scored_file(clip: Clip, fold: int, scores: Mapping[str, float]) -> ScoredFile:
    return ScoredFile(
        identity=clip.identity,
        source=clip.source,
        is_fake=clip.is_fake,
        family=family_of(clip) if clip.is_fake else "",
        fold=fold,
        facts=measure_file_facts(clip),
        scores=scores,
    )


def measure_notes(clips: Sequence[Clip]) -> tuple[str, ...]:
    """Return what a reader of the report has to know."""
    tested = [clip for clip in clips if not clip.own_forgery]
    people, sources = ({getattr(clip, key) for clip in tested} for key in ("identity", "source"))
    return (
        f"{len(tested)} clips of {len(people)} people and {len(sources)} sources, scored by "
        "published weights. Each family of fakes is compared with all genuine clips; the other "
        "columns are those of leave-one-source-out.",
    )
