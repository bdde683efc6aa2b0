"""How much of a detector's skill survives the codecs of the world.

Every clip, genuine and fake alike, is encoded again in the same way and goes through the whole
preprocessing again; what can change between a cell and the original is the encoding alone.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import nan

import numpy as np

from unmask.config import CodecSettings, EvaluationSettings
from unmask.config.codec_conditions import CodecCondition, parse_condition
from unmask.data.torch.evaluation_set import EvaluationClips, FeatureLoader, make_feature_loader
from unmask.errors import DataError
from unmask.evaluation.metrics import Scores
from unmask.models.bundle import Bundle
from unmask.models.inference import decisive_score, score_samples
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.transcode_batch import TranscodeResult, transcode_clips
from unmask.records import Clip, ClipFeatures
from unmask.robustness.codec_report import CodecReport, compare_conditions

ORIGINAL = "original"

log = logging.getLogger(__name__)


def evaluate_codecs(
    bundle: Bundle,
    clips: Sequence[Clip],
    cache: Cache,
    settings: CodecSettings,
    evaluation: EvaluationSettings,
    seed: int = 0,
) -> CodecReport:
    """Encode the test clips again in every cell and measure the AUC again.

    The new files and all that is found in them are kept in ``cache``: broken off at any moment
    and called again, it goes on where it was. A clip that a cell has nothing to change of, such
    as the sound of a silent one, counts as it is.

    Args:
        settings: Without a cell, nothing is measured.
        seed: Of the resampling.

    Raises:
        DataError: There is no test clip, or none could be scored in every cell.
        SingleClassError: Those are all genuine, or all fake.
    """
    chosen = [clip for clip in clips if clip.split == "test"]
    if not chosen:
        raise DataError("no clip is in split 'test'; correct the manifest")
    cells = [parse_condition(name) for name in dict.fromkeys(settings.cells)]
    if not cells:
        return CodecReport("test", 0, evaluation.confidence)
    done: dict[str, dict[str, TranscodeResult]] = {cell.name: {} for cell in cells}
    for one in transcode_clips(chosen, cells, bundle.preprocessing, cache, settings.jobs):
        done[one.cell][one.clip_id] = one
        if one.problem:
            log.warning("clip %s, %s: %s", one.clip_id, one.cell, one.problem)
    load = make_feature_loader(bundle.preprocessing, cache)
    scores = {ORIGINAL: _scores(bundle, chosen, load)}
    likeness: dict[str, float | None] = {}
    for cell in cells:
        here = done[cell.name]
        scores[cell.name] = _scores(bundle, chosen, _load_transcoded(cell, here, load))
        made = [here[clip.clip_id].made for clip in chosen]
        seen = [one.psnr_db for one in made if one is not None and one.psnr_db is not None]
        likeness[cell.name] = float(np.mean(seen)) if seen else None
    if np.isnan(np.stack(list(scores.values()))).any(axis=0).all():
        raise DataError(f"none of {len(chosen)} clips could be scored in every cell")
    return compare_conditions(chosen, scores, likeness, evaluation, seed)


def _load_transcoded(
    cell: CodecCondition, done: Mapping[str, TranscodeResult], load: FeatureLoader
) -> FeatureLoader:
    """Features of a clip as a cell leaves them."""

    def features(clip: Clip) -> ClipFeatures:
        one = done[clip.clip_id]
        if one.problem:
            raise DataError(one.problem)
        if one.made is None:
            return load(clip)
        found = load(replace(clip, path=one.made.path))
        if not cell.is_audio:
            return found
        # the picture is the clip's own, bit by bit
        return replace(load(clip), waveform=found.waveform, speech_spans_s=found.speech_spans_s)

    return features


def _scores(bundle: Bundle, clips: Sequence[Clip], load: FeatureLoader) -> Scores:
    """One per clip, NaN where it has neither a face nor sound."""
    whole = EvaluationClips(clips, load)
    logits = np.full(len(clips), nan)
    for number in range(len(whole)):
        samples = whole[number].samples
        if samples:
            logits[number] = decisive_score(score_samples(bundle, samples)).logit
    return logits
