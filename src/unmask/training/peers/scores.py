"""Scores of published detectors for clips; they are kept in the cache of features."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from unmask.config import PreprocessingSettings, to_dict
from unmask.data.torch.evaluation_set import FeatureLoader, make_feature_loader, unusable_example
from unmask.preprocessing.cache import Cache, Entry, cache_key
from unmask.records import Clip
from unmask.training.peers.detectors import VERSION, Peer, load_peer, score_features

STAGE = "peers"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PeerScores:
    """Scores of published detectors.

    Attributes:
        scores: ``clip_id`` to name of the detector to score, higher for fakes.
        unscored: Name of the detector to ``clip_id`` to the reason why it has none.
    """

    scores: Mapping[str, Mapping[str, float]]
    unscored: Mapping[str, Mapping[str, str]]


def score_clips_by_peers(
    clips: Sequence[Clip],
    names: Sequence[str],
    settings: PreprocessingSettings,
    cache: Cache | None,
) -> Iterator[tuple[Clip, Mapping[str, float | str]]]:
    """Yield each clip with its score by each detector, or the reason why it has none.

    Args:
        names: Networks of the registry.

    Raises:
        WeightsError: A detector cannot be had.
    """
    peers = tuple(load_peer(name) for name in names)
    plain = _without_extras(settings)
    known = {clip.clip_id: _read(clip, peers, plain, cache) for clip in clips}
    missing = [clip for clip in clips if len(known[clip.clip_id]) < len(peers)]
    load = make_feature_loader(plain, cache, missing)
    for clip in clips:
        values = known[clip.clip_id]
        unknown = tuple(peer for peer in peers if peer.name not in values)
        if unknown:
            new = _score(clip, unknown, load, plain.sampling.rate_hz)
            _write(clip, unknown, new, plain, cache)
            values |= new
        yield clip, {name: values[name] for name in names}


def collect_scores(
    results: Sequence[tuple[Clip, Mapping[str, float | str]]], names: Sequence[str]
) -> PeerScores:
    """Return scores and reasons apart."""
    scores: dict[str, dict[str, float]] = {}
    unscored: dict[str, dict[str, str]] = {name: {} for name in names}
    for clip, values in results:
        scores[clip.clip_id] = {}
        for name, value in values.items():
            if isinstance(value, str):
                unscored[name][clip.clip_id] = value
            else:
                scores[clip.clip_id][name] = value
    return PeerScores(scores, unscored)


def _score(
    clip: Clip, peers: tuple[Peer, ...], load: FeatureLoader, rate_hz: float
) -> dict[str, float | str]:
    try:
        return score_features(peers, load(clip), rate_hz)
    except Exception as error:  # a bug that one clip triggers must not end an evaluation
        problem = unusable_example(clip, error).problem
        log.warning("clip %s was not scored: %s", clip.clip_id, problem)
        return dict.fromkeys((peer.name for peer in peers), problem)


def _without_extras(settings: PreprocessingSettings) -> PreprocessingSettings:
    """Return the settings without what no published detector reads."""
    return settings.without_source_faces().replace(
        flow=settings.flow.replace(enabled=False), lips=settings.lips.replace(enabled=False)
    )


def _key(clip: Clip, peer: Peer, settings: PreprocessingSettings) -> str:
    stages = {name: to_dict(settings)[name] for name in ("sampling", "faces")}
    own = {"peer": peer.name, "weights": peer.sha256, "version": VERSION, **stages}
    return cache_key(STAGE, clip.sha256, own)


def _read(
    clip: Clip, peers: tuple[Peer, ...], settings: PreprocessingSettings, cache: Cache | None
) -> dict[str, float | str]:
    if cache is None:
        return {}
    entries = {peer.name: cache.load(STAGE, _key(clip, peer, settings)) for peer in peers}
    return {name: entry.facts["score"] for name, entry in entries.items() if entry is not None}


def _write(
    clip: Clip,
    peers: tuple[Peer, ...],
    scores: Mapping[str, float | str],
    settings: PreprocessingSettings,
    cache: Cache | None,
) -> None:
    """Keep the scores; reasons are not kept, since they may have passed the next time."""
    if cache is None:
        return
    for peer in peers:
        score = scores[peer.name]
        if not isinstance(score, str):
            cache.save(STAGE, _key(clip, peer, settings), Entry({"score": score}, {}))
