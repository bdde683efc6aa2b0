"""AUC after re-encoding the test clips with common codecs.

Genuine and fake clips are re-encoded alike and preprocessed again, so that a codec condition
differs from the original by the encoding alone.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from math import nan

import numpy as np

from unmask.config import CodecSettings, EvaluationSettings, ModelSettings
from unmask.config.codec_conditions import CodecCondition, parse_condition
from unmask.data.skipped_clips import with_used_stream
from unmask.data.test_sets import list_left_out, select_headline_clips
from unmask.data.torch.evaluation_set import FeatureLoader, make_feature_loader, unusable_example
from unmask.data.torch.transcoded_features import load_transcoded, transcode_all
from unmask.errors import DataError
from unmask.evaluation.metrics import Scores
from unmask.models.bundle import Bundle
from unmask.models.scoring_bundle import untrained_notes
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.transcode_batch import TranscodeResult
from unmask.records import Clip
from unmask.robustness.clip_score import score_clip
from unmask.robustness.codec_report import ORIGINAL, CodecReport, compare_conditions

log = logging.getLogger(__name__)


def evaluate_codecs(
    bundle: Bundle,
    clips: Sequence[Clip],
    cache: Cache,
    settings: CodecSettings,
    evaluation: EvaluationSettings,
    seed: int = 0,
) -> CodecReport:
    """Re-encode the test clips under every codec condition and measure the AUC again.

    Re-encoded files and their features are stored in ``cache``, so an interrupted call resumes. A
    clip that a condition does not apply to, such as an audio codec to a silent clip, counts
    unchanged.

    Args:
        settings: Without conditions, nothing is measured.
        seed: Seed of the resampling.

    Raises:
        DataError: There is no test clip, or none could be scored under every condition.
        SingleClassError: The scored clips are all genuine, or all fake.
    """
    test = with_used_stream(select_headline_clips(clips), bundle.settings.modalities)
    named = [parse_condition(name) for name in dict.fromkeys(settings.cells)]
    conditions = [each for each in named if _changes_input(each, test, bundle.settings)]
    skipped = tuple(each.name for each in named if each not in conditions)
    untrained, left_out = untrained_notes(bundle.untrained), list_left_out(clips)
    if not conditions:
        empty = CodecReport("test", 0, evaluation.confidence)
        return replace(empty, skipped=skipped, untrained=untrained, left_out=left_out)
    results = transcode_all(test, conditions, bundle.preprocessing, cache, settings.jobs)
    load = make_feature_loader(bundle.preprocessing, cache, test)
    scores = {ORIGINAL: _score(bundle, test, load)}
    psnr_db: dict[str, float | None] = {}
    for condition in conditions:
        transcoded = results[condition.name]
        scores[condition.name] = _score(bundle, test, load_transcoded(condition, transcoded, load))
        psnr_db[condition.name] = _mean_psnr_db([transcoded[clip.clip_id] for clip in test])
    if np.isnan(np.stack(list(scores.values()))).any(axis=0).all():
        raise DataError(f"none of {len(test)} clips could be scored under every codec condition")
    report = compare_conditions(test, scores, psnr_db, evaluation, seed)
    return replace(report, skipped=skipped, untrained=untrained, left_out=left_out)


def _changes_input(
    condition: CodecCondition, clips: Sequence[Clip], settings: ModelSettings
) -> bool:
    """Return whether a codec changes what the detector uses of any clip."""
    if condition.is_audio:
        return "audio" in settings.modalities and any(clip.has_audio for clip in clips)
    return "video" in settings.modalities and any(clip.width for clip in clips)


def _mean_psnr_db(results: Sequence[TranscodeResult]) -> float | None:
    values = [
        result.transcoded.psnr_db
        for result in results
        if result.transcoded is not None and result.transcoded.psnr_db is not None
    ]
    return float(np.mean(values)) if values else None


def _score(bundle: Bundle, clips: Sequence[Clip], load: FeatureLoader) -> Scores:
    """Return the logit of each clip, NaN for a clip that cannot be scored; shape ``(clips,)``."""
    logits = np.full(len(clips), nan)
    for index, clip in enumerate(clips):
        try:
            features = load(clip)
        except Exception as error:  # a bug that one clip triggers must not end an evaluation
            problem = unusable_example(clip, error).problem
            log.warning("clip %s was not scored: %s", clip.clip_id, problem)
            continue
        logits[index] = score_clip(bundle, features)
    return logits
