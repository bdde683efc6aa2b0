"""Features of clips that were re-encoded under a codec condition."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from unmask.config import PreprocessingSettings
from unmask.config.codec_conditions import CodecCondition
from unmask.data.torch.evaluation_set import FeatureLoader
from unmask.errors import DataError
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.transcode_batch import TranscodeResult, transcode_clips
from unmask.records import Clip, ClipFeatures

ResultsByClip = dict[str, TranscodeResult]  # by clip_id

log = logging.getLogger(__name__)


def transcode_all(
    clips: Sequence[Clip],
    conditions: Sequence[CodecCondition],
    settings: PreprocessingSettings,
    cache: Cache,
    jobs: int,
) -> dict[str, ResultsByClip]:
    """Re-encode and preprocess all clips under all conditions; log the problems.

    Args:
        jobs: Number of worker processes.

    Returns:
        Name of the condition and ``clip_id`` to the result.
    """
    results: dict[str, ResultsByClip] = {condition.name: {} for condition in conditions}
    for result in transcode_clips(clips, conditions, settings, cache, jobs):
        results[result.condition][result.clip_id] = result
        if result.error:
            log.warning("clip %s, %s: %s", result.clip_id, result.condition, result.error)
    return results


def load_transcoded(
    condition: CodecCondition, results: Mapping[str, TranscodeResult], load: FeatureLoader
) -> FeatureLoader:
    """Return a loader of the features of re-encoded clips.

    Args:
        results: Those of one condition, by ``clip_id``.
        load: Loads the features of a file.
    """

    def load_result(clip: Clip) -> ClipFeatures:
        result = results[clip.clip_id]
        if result.error:
            raise DataError(result.error)
        if result.transcoded is None:
            return load(clip)
        features = load(replace(clip, path=result.transcoded.path))
        if not condition.is_audio:
            return features
        # the re-encoded file has sound only, and the picture is unchanged
        original = load(clip)
        return replace(original, waveform=features.waveform, speech_spans_s=features.speech_spans_s)

    return load_result
