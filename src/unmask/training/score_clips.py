"""A bundle's scores of labelled clips."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unmask.data.torch.evaluation_set import EvaluationClips, FeatureLoader, make_feature_loader
from unmask.errors import DataError
from unmask.evaluation.metrics import roc_auc
from unmask.models.bundle import Bundle, load_bundle
from unmask.models.inference import SampleScore, decisive_score, score_samples
from unmask.preprocessing.cache import Cache
from unmask.records import Clip, ScoreRow

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ChampionScore:
    """The AUC of another bundle on the same clips; ``None`` where there is no such bundle."""

    auc: float | None


@dataclass(frozen=True, slots=True)
class ScoredClip:
    """A clip and what was said of each person in it; of the sound, where nobody is seen."""

    clip: Clip
    scores: tuple[SampleScore, ...]


def score_clips(bundle: Bundle, clips: Sequence[Clip], cache: Cache | None) -> tuple[ScoreRow, ...]:
    """Score clips with the bundle's own preprocessing.

    A clip that cannot be read, or has neither a face nor sound, has no row; it is named in a
    warning.

    Raises:
        DataError: No clip could be scored.
    """
    return score_features(bundle, clips, make_feature_loader(bundle.preprocessing, cache))


def score_features(
    bundle: Bundle, clips: Sequence[Clip], load: FeatureLoader
) -> tuple[ScoreRow, ...]:
    """Like :func:`score_clips`, with the features of a clip from ``load``."""
    return tuple(to_score_row(one) for one in score_clip_people(bundle, clips, load))


def score_clip_people(
    bundle: Bundle, clips: Sequence[Clip], load: FeatureLoader, passes: int = 0
) -> tuple[ScoredClip, ...]:
    """All that is said of everybody in each clip; a clip that cannot be scored is left out.

    Args:
        passes: Of MC-dropout by each member.

    Raises:
        DataError: No clip could be scored.
    """
    examples = EvaluationClips(clips, load)
    scored = []
    for number in range(len(examples)):
        example = examples[number]
        if example.samples:
            scores = score_samples(bundle, example.samples, passes=passes)
            scored.append(ScoredClip(example.clip, scores))
        else:
            log.warning("clip %s was not scored: %s", example.clip.clip_id, example.problem)
    if not scored:
        raise DataError(f"none of {len(clips)} clips could be scored; see the warnings")
    return tuple(scored)


def score_split(
    bundle: Path, clips: Sequence[Clip], split: str, cache: Cache | None
) -> tuple[ScoreRow, ...]:
    """Score the clips of one split with the bundle in a folder.

    Raises:
        DataError: The split is empty, or none of it could be scored.
    """
    return score_clips(load_bundle(bundle), select_split(clips, split), cache)


def select_split(clips: Sequence[Clip], split: str) -> tuple[Clip, ...]:
    """The clips of one split.

    Raises:
        DataError: There are none.
    """
    chosen = tuple(clip for clip in clips if clip.split == split)
    if not chosen:
        raise DataError(f"no clip is in split {split!r}; correct the manifest")
    return chosen


def score_champion(bundle: Path, clips: Sequence[Clip], cache: Cache | None) -> ChampionScore:
    """AUC of the bundle in ``bundle`` on the test clips; nothing is invented for an empty folder.

    Raises:
        SingleClassError: The test clips are all genuine, or all fake.
    """
    if not bundle.is_dir() or not any(bundle.iterdir()):
        return ChampionScore(None)
    rows = score_split(bundle, clips, "test", cache)
    logits = np.array([row.logit for row in rows])
    return ChampionScore(roc_auc(logits, np.array([row.is_fake for row in rows])))


def to_score_row(scored: ScoredClip) -> ScoreRow:
    """The line of a score table: of a clip's most fake person."""
    clip, score = scored.clip, decisive_score(scored.scores)
    return ScoreRow(
        clip_id=clip.clip_id,
        identity=clip.identity,
        split=clip.split,
        manipulation=clip.manipulation,
        is_fake=clip.is_fake,
        logit=score.logit,
        probability=score.probability,
        video_probability=score.video_probability,
        audio_probability=score.audio_probability,
        fake_video=clip.fake_video,
        fake_audio=clip.fake_audio,
        sync_probability=score.sync_probability,
    )
