"""How well a bundle finds the forged segments of partly forged clips."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from unmask.data.splits import select_split
from unmask.data.torch.evaluation_set import FeatureLoader
from unmask.errors import DataError
from unmask.evaluation.bootstrap import Resampling, estimate_auc
from unmask.evaluation.localisation import LocalisedClip, measure_localisation
from unmask.evaluation.localisation_report import (
    EITHER,
    MODALITIES,
    Footage,
    LengthRow,
    LocalisationPart,
    LocalisationReport,
    LocalisationRow,
)
from unmask.evaluation.slices import list_sources_and_kinds
from unmask.models.bundle import Bundle
from unmask.models.calibration.segments import propose_segments, suppress_overlaps
from unmask.models.evidence_lines import EvidenceLine
from unmask.models.inference import decisive_score
from unmask.records import Clip
from unmask.training.flagged_segments import clip_evidence_lines
from unmask.training.score_clips import score_clip_people
from unmask.training.scored_clip import ScoredClip

FORGED_S = (0.0, 0.6, 1.3, np.inf)  # borders of the rows by length of the forged stretch
LENGTHS_S = (0.0, 16.0, 30.0, 45.0, np.inf)  # and by length of the clip

Floats = NDArray[np.float64]


def evaluate_localisation(
    bundle: Bundle,
    clips: Sequence[Clip],
    split: str,
    load: FeatureLoader,
    resampling: Resampling,
) -> LocalisationReport:
    """Score the clips of a split, and compare the segments found with the labelled ones.

    Args:
        clips: Partly forged ones have ``fake_periods``; a fake without any is forged from start
            to end.
        load: Loads the features of a clip with the bundle's preprocessing.

    Raises:
        DataError: The split is empty, or none of its clips is forged.
    """
    chosen = select_split(clips, split)
    if not any(len(label_segments(clip, clip.duration_s, EITHER)) for clip in chosen):
        raise DataError(
            f"none of the {len(chosen)} clips of split {split!r} has a forged segment; give clips "
            "with fake_periods, such as those of `unmask data partial`"
        )
    return report_localisation(bundle, score_clip_people(bundle, chosen, load), split, resampling)


def report_localisation(
    bundle: Bundle,
    scored: Sequence[ScoredClip],
    split: str,
    resampling: Resampling,
    footage: Footage = "partial",
) -> LocalisationReport:
    """Compare the segments found in scored clips with the labelled ones."""
    lines = [tuple(clip_evidence_lines(bundle, clip)) for clip in scored]
    return LocalisationReport(
        split,
        tuple(_rows(bundle, scored, lines, resampling)),
        tuple(_by_forged_length(scored, resampling)),
        tuple(_by_clip_length(bundle, scored, lines, resampling)),
        footage,
        promised_per_hour=bundle.calibration.alarms.per_hour,
        parts=tuple(_by_source_and_kind(bundle, scored, lines, resampling)),
    )


def localise(
    bundle: Bundle, scored: ScoredClip, lines: Sequence[EvidenceLine], modality: str, segments: str
) -> LocalisedClip:
    """Return labelled and detected segments of a clip.

    Args:
        lines: The clip's lines of evidence.
        modality: ``video``, ``audio`` or ``either``.
        segments: ``flagged`` or ``proposed``.
    """
    used = [line for line in lines if modality in (line.kind, EITHER)]
    flagged = np.concatenate([NO_SEGMENTS, *(_flagged(bundle, line) for line in used)])
    proposed = [propose_segments(line.probabilities, line.intervals_s) for line in used]
    # face and voice may propose the same segment
    distinct = suppress_overlaps(np.concatenate([NO_SEGMENTS, *proposed]))
    return LocalisedClip(
        clip_id=scored.clip.clip_id,
        identity=scored.clip.identity,
        duration_s=scored.end_s,
        truths_s=label_segments(scored.clip, scored.end_s, modality),
        proposals=flagged if segments == "flagged" else distinct,
        flagged=len(flagged),
        second_scores=highest_by_second(used, scored.end_s),
    )


NO_SEGMENTS = np.zeros((0, 3))
NO_LABELLED_SEGMENTS = "it is unknown which segments are forged"


def label_segments(clip: Clip, end_s: float, modality: str) -> Floats:
    """Return start and end of each labelled segment, those that overlap joined, ``(n, 2)``."""
    kinds = MODALITIES if modality == EITHER else (modality,)
    spans = [(p.start_s, p.end_s) for p in clip.fake_periods if p.modality in kinds]
    for kind, is_fake in (("video", clip.fake_video), ("audio", clip.fake_audio)):
        labelled = any(period.modality == kind for period in clip.fake_periods)
        if kind in kinds and is_fake and not labelled:
            spans.append((0.0, end_s))
    joined: list[tuple[float, float]] = []
    for start_s, stop_s in sorted(spans):
        if joined and start_s <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], stop_s)
        else:
            joined.append((start_s, stop_s))
    return np.array(joined, np.float64).reshape(-1, 2)


def knows_segments(clip: Clip, modality: str) -> bool:
    """Return whether it is known which segments of a clip are forged.

    It is not in a fake whose label of the modality is unknown, and of either modality not in one
    whose face and voice are genuine but do not belong together.
    """
    if not clip.is_fake or len(label_segments(clip, clip.duration_s, modality)):
        return True
    labels = {"video": clip.fake_video, "audio": clip.fake_audio}
    if modality != EITHER:
        return labels[modality] is not None
    return None not in labels.values() and not clip.mismatched


def highest_by_second(lines: Sequence[EvidenceLine], end_s: float) -> Floats:
    """Return the highest score of any line in each second, NaN without any, ``(seconds,)``."""
    highest = np.full(int(np.ceil(end_s)), np.nan)
    for line in lines:
        middles_s = line.intervals_s.mean(axis=1)
        seconds = np.clip(middles_s.astype(np.int64), 0, max(len(highest) - 1, 0))
        np.fmax.at(highest, seconds, line.probabilities)
    return highest


def _flagged(bundle: Bundle, line: EvidenceLine) -> Floats:
    threshold = getattr(bundle.calibration.alarms, line.kind)
    rows = [
        (line.intervals_s[part][0, 0], line.intervals_s[part][-1, 1], mean)
        for part in line.segments(threshold)
        for mean in [line.probabilities[part].mean()]
    ]
    return np.array(rows, np.float64).reshape(-1, 3)


def _rows(
    bundle: Bundle,
    scored: Sequence[ScoredClip],
    lines: Sequence[Sequence[EvidenceLine]],
    resampling: Resampling,
) -> Iterator[LocalisationRow]:
    for modality in (*MODALITIES, EITHER):
        for segments in ("flagged", "proposed"):
            row = _row(bundle, scored, lines, modality, segments, resampling)
            if row.truths:
                yield row


def _row(
    bundle: Bundle,
    scored: Sequence[ScoredClip],
    lines: Sequence[Sequence[EvidenceLine]],
    modality: str,
    segments: str,
    resampling: Resampling,
) -> LocalisationRow:
    """Return a row, without metrics if no clip has a forged segment of the modality."""
    clips = [
        localise(bundle, clip, rows, modality, segments)
        for clip, rows in zip(scored, lines, strict=True)
        if knows_segments(clip.clip, modality)
    ]
    truths = sum(len(clip.truths_s) for clip in clips)
    people = len({clip.identity for clip in clips})
    metrics = measure_localisation(clips, resampling) if truths else {}
    return LocalisationRow(modality, segments, len(clips), truths, people, metrics)


def _by_source_and_kind(
    bundle: Bundle,
    scored: Sequence[ScoredClip],
    lines: Sequence[Sequence[EvidenceLine]],
    resampling: Resampling,
) -> Iterator[LocalisationPart]:
    for part, indices in list_sources_and_kinds([each.clip for each in scored]):
        facts = asdict(part)
        if not part.not_measured:
            clips, evidence = [scored[i] for i in indices], [lines[i] for i in indices]
            row = _row(bundle, clips, evidence, EITHER, "proposed", resampling)
            facts |= {"row": row} if row.truths else {"not_measured": NO_LABELLED_SEGMENTS}
        yield LocalisationPart(**facts)


def _by_forged_length(scored: Sequence[ScoredClip], resampling: Resampling) -> Iterator[LengthRow]:
    """Yield rows of the fakes with a stretch of each range, against their genuine twins."""
    for low_s, high_s in itertools.pairwise(FORGED_S):
        fakes = [
            clip
            for clip in scored
            if clip.clip.is_fake
            and knows_segments(clip.clip, EITHER)
            and low_s <= np.diff(label_segments(clip.clip, clip.end_s, EITHER)).sum() < high_s
        ]
        pairs = {clip.clip.pair_id for clip in fakes}
        twins = [c for c in scored if not c.clip.is_fake and c.clip.pair_id in pairs]
        yield _part(f"{_range(low_s, high_s)} forged", [*fakes, *twins], None, resampling)


def _by_clip_length(
    bundle: Bundle,
    scored: Sequence[ScoredClip],
    lines: Sequence[Sequence[EvidenceLine]],
    resampling: Resampling,
) -> Iterator[LengthRow]:
    for low_s, high_s in itertools.pairwise(LENGTHS_S):
        rows = [(c, ls) for c, ls in zip(scored, lines, strict=True) if low_s <= c.end_s < high_s]
        genuine = [(clip, clip_lines) for clip, clip_lines in rows if not clip.clip.is_fake]
        hours = sum(clip.end_s for clip, _ in genuine) / 3600
        flagged = sum(len(_flagged(bundle, line)) for _, ls in genuine for line in ls)
        rate = flagged / hours if hours else None
        yield _part(_range(low_s, high_s), [clip for clip, _ in rows], rate, resampling)


def _part(
    name: str, scored: Sequence[ScoredClip], rate: float | None, resampling: Resampling
) -> LengthRow:
    is_fake = np.array([clip.clip.is_fake for clip in scored], np.bool_)
    auc = None
    if is_fake.any() and not is_fake.all():
        logits = np.array([decisive_score(clip.scores).logit for clip in scored])
        people = [clip.clip.identity for clip in scored]
        drawn = resampling.resamples, resampling.confidence
        auc = estimate_auc(logits, is_fake, people, resampling.rng, *drawn)
    return LengthRow(name, len(scored), int(is_fake.sum()), auc, rate)


def _range(low_s: float, high_s: float) -> str:
    if not low_s:
        return f"under {high_s:g} s"
    return f"{low_s:g} s and more" if np.isinf(high_s) else f"{low_s:g} to {high_s:g} s"
