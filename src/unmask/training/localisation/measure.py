"""Localisation on the test clips of a data set, whether they are partly forged or not."""

from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import numpy as np

from unmask.config import EvaluationSettings
from unmask.data.splits import select_split
from unmask.data.torch.evaluation_set import make_feature_loader
from unmask.errors import DataError
from unmask.evaluation.bootstrap import Resampling
from unmask.evaluation.localisation_report import LocalisationReport
from unmask.models.device_placement import load_on_accelerator
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.localisation.report import evaluate_localisation, report_localisation
from unmask.training.localisation.spliced_sequences import score_spliced

WHOLE = 0.9  # share of a clip above which a forged segment is the whole clip


def measure_split(
    bundle: Path,
    clips: Sequence[Clip],
    split: str,
    cache: Cache | None,
    settings: EvaluationSettings,
    seed: int,
) -> LocalisationReport:
    """Measure how well forged segments of one split are found.

    The clips are measured as they are where some are partly forged. Otherwise sequences of them
    are, see :mod:`.spliced_sequences`; where that is impossible, the report says why.

    Args:
        settings: ``spliced_fakes`` limits the fakes that are spliced.
        seed: Of the sequences, and of the resampling.
    """
    chosen, loaded = select_split(clips, split), load_on_accelerator(bundle)
    load = make_feature_loader(loaded.preprocessing, cache, chosen)
    resampling = Resampling(np.random.default_rng(seed), settings.resamples, settings.confidence)
    if any(is_partly_forged(clip) for clip in chosen):
        return evaluate_localisation(loaded, chosen, split, load, resampling)
    try:
        pairs = choose_pairs(chosen, settings.spliced_fakes)
        scored = score_spliced(loaded, pairs, load, np.random.default_rng((seed, 1)))
    except DataError as error:
        return LocalisationReport(split, footage="spliced", not_measured=str(error))
    return report_localisation(loaded, scored, split, resampling, "spliced")


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
