"""Localisation on the test clips of a data set, whether they are partly forged or not."""

from collections.abc import Sequence
from zlib import crc32

import numpy as np

from unmask.config import EvaluationSettings
from unmask.data.torch.evaluation_set import FeatureLoader
from unmask.errors import DataError
from unmask.evaluation.bootstrap import Resampling
from unmask.evaluation.localisation_report import LocalisationReport
from unmask.models.bundle import Bundle
from unmask.records import Clip
from unmask.training.localisation.report import report_localisation
from unmask.training.localisation.spliced_sequences import score_spliced
from unmask.training.scored_clip import ScoredClip

WHOLE = 0.9  # share of a clip above which a forged segment is the whole clip


def measure_split(
    bundle: Bundle,
    scored: Sequence[ScoredClip],
    load: FeatureLoader,
    settings: EvaluationSettings,
    seed: int,
) -> LocalisationReport:
    """Measure how well forged segments of one split are found.

    The clips are measured as they are where some are partly forged. Otherwise sequences of them
    are, see :mod:`.spliced_sequences`; where that is impossible, the report says why.

    Args:
        scored: Clips of the split, at least one.
        load: Loads the features of a clip with the bundle's preprocessing.
        settings: ``spliced_fakes`` limits the fakes that are spliced.
        seed: Of the sequences, and of the resampling.
    """
    clips, split = [each.clip for each in scored], scored[0].clip.split
    resampling = Resampling(np.random.default_rng(seed), settings.resamples, settings.confidence)
    if any(is_partly_forged(clip) for clip in clips):
        return report_localisation(bundle, scored, split, resampling)
    try:
        pairs = choose_pairs(clips, settings.spliced_fakes)
        sequences = score_spliced(bundle, pairs, load, np.random.default_rng((seed, 1)))
    except DataError as error:
        return LocalisationReport(split, footage="spliced", not_measured=str(error))
    return report_localisation(bundle, sequences, split, resampling, "spliced")


def is_partly_forged(clip: Clip) -> bool:
    """Return whether a segment of the clip is labelled as forged, and not all of it."""
    return any(p.end_s - p.start_s < WHOLE * clip.duration_s for p in clip.fake_periods)


def choose_pairs(clips: Sequence[Clip], fakes: int) -> list[Clip]:
    """Return the genuine clips and ``fakes`` of the fakes, by a hash of their pairs; 0 takes all.

    Genuine clips of people without a chosen fake are left out.
    """
    forged = sorted(
        (clip for clip in clips if clip.is_fake),
        key=lambda clip: (crc32(clip.pair_id.encode()), clip.clip_id),
    )
    chosen = {clip.clip_id for clip in forged[: fakes or None]}
    people = {clip.identity for clip in forged if clip.clip_id in chosen}
    return [
        clip
        for clip in clips
        if (clip.clip_id in chosen if clip.is_fake else clip.identity in people)
    ]
