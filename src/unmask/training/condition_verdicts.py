"""Verdicts on re-encoded test clips, and the facts by which a file is like them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from unmask.config import CodecSettings, EvaluationSettings
from unmask.config.codec_conditions import parse_condition
from unmask.data.skipped_clips import with_used_stream
from unmask.data.test_sets import select_headline_clips
from unmask.data.torch.evaluation_set import FeatureLoader, make_feature_loader
from unmask.data.torch.transcoded_features import ResultsByClip, load_transcoded, transcode_all
from unmask.errors import UnmaskError
from unmask.evaluation.condition_verdicts import ORIGINAL, ConditionVerdicts
from unmask.evaluation.measured_verdicts import measure_verdicts
from unmask.models.bundle import Bundle
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.material.picture_facts import measure_picture
from unmask.preprocessing.material.sound_facts import SoundFacts
from unmask.preprocessing.media.probe import probe
from unmask.records import Clip, ClipFeatures
from unmask.training.score_clips import score_usable_clips, to_score_row


def measure_conditions(
    bundle: Bundle,
    clips: Sequence[Clip],
    cache: Cache,
    settings: CodecSettings,
    evaluation: EvaluationSettings,
) -> tuple[ConditionVerdicts, ...]:
    """Give verdicts on the test clips as they are, and under every codec condition.

    Re-encoded files and their features are stored in ``cache``.

    Returns:
        The original clips first. A condition under which one class has no clip that can be scored
        is left out.
    """
    test = with_used_stream(select_headline_clips(clips), bundle.settings.modalities)
    conditions = [parse_condition(name) for name in dict.fromkeys(settings.cells)]
    results = transcode_all(test, conditions, bundle.preprocessing, cache, settings.jobs)
    load = make_feature_loader(bundle.preprocessing, cache, test)
    measured = [_measure(bundle, test, load, ORIGINAL, {}, evaluation)]
    for condition in conditions:
        own = results[condition.name]
        transcoded = load_transcoded(condition, own, load)
        paths = {} if condition.is_audio else _paths(own)
        measured.append(_measure(bundle, test, transcoded, condition.name, paths, evaluation))
    return tuple(each for each in measured if each is not None)


def _paths(results: ResultsByClip) -> dict[str, Path]:
    return {
        clip_id: result.transcoded.path
        for clip_id, result in results.items()
        if result.transcoded is not None
    }


def _measure(
    bundle: Bundle,
    clips: Sequence[Clip],
    load: FeatureLoader,
    condition: str,
    paths: Mapping[str, Path],
    evaluation: EvaluationSettings,
) -> ConditionVerdicts | None:
    """Measure one condition.

    Args:
        paths: Re-encoded file of each clip whose picture changed, by ``clip_id``.
    """
    facts: list[dict[str, float]] = []
    codecs: Counter[str | None] = Counter()

    def load_and_describe(clip: Clip) -> ClipFeatures:
        features = load(clip)
        codec, own = _describe(paths.get(clip.clip_id, clip.path), features)
        codecs[codec] += 1
        facts.append(own)
        return features

    scored, problems = score_usable_clips(bundle, clips, load_and_describe)
    verdicts = measure_verdicts(
        [to_score_row(each, bundle) for each in scored], evaluation.confidence
    )
    if verdicts is None:
        return None
    codec = codecs.most_common(1)[0][0]
    whole = replace(verdicts, by_manipulation=())
    return ConditionVerdicts(condition, codec, _medians(facts), whole, len(problems))


def _medians(facts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = sorted({name for own in facts for name in own})
    return {name: float(np.median([own[name] for own in facts if name in own])) for name in names}


def _describe(path: Path, features: ClipFeatures) -> tuple[str | None, dict[str, float]]:
    """Return the video codec and the facts of one file; what cannot be told is left out."""
    sound = SoundFacts()
    sound.add(features)
    boxes = [person.track.boxes_px for person in features.people]
    widths = np.concatenate([box[:, 2] - box[:, 0] for box in boxes]) if boxes else np.zeros(0)
    facts: dict[str, float | None] = {
        "cutoff_hz": sound.cutoff_hz,
        "snr_db": sound.snr_db,
        "face_width_px": float(widths.mean()) if len(widths) else None,
    }
    codec = None
    try:
        info = probe(path)
        picture = measure_picture(info)
    except UnmaskError:
        pass  # features come from the cache; the file may be gone
    else:
        codec = info.video_codec
        facts |= {
            "bits_per_pixel": picture.bits_per_pixel,
            "noise": picture.noise,
            "grid_strength": picture.grid_strength,
        }
    return codec, {name: value for name, value in facts.items() if value is not None}
