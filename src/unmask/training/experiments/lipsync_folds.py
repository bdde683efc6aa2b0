"""Lip-sync across sources: offsets and statistics of clips whose source no network saw."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np

from unmask.config import Settings
from unmask.data.torch.evaluation_set import FeatureLoader
from unmask.evaluation.generator_families import family_of
from unmask.evaluation.serialization import load as read
from unmask.evaluation.serialization import save
from unmask.models.lipsync.energy_baseline import correlations
from unmask.models.lipsync.score_mapping import Curve, peak_shift
from unmask.models.lipsync.scoring import (
    MIN_WINDOWS,
    Embeddings,
    embed_lips,
    embed_speech,
    similarity_by_shift,
    spoken_windows,
)
from unmask.models.lipsync.towers import LipSyncTowers
from unmask.models.lipsync.windows import WINDOW_TICKS
from unmask.records import ModelInput
from unmask.training.experiments.ablation import run_key
from unmask.training.experiments.source_folds import SourceFold
from unmask.training.lipsync.dataset import SyncClip, delay_audio, swap_audio, sync_clips
from unmask.training.lipsync.evaluation import SHIFTS_MS
from unmask.training.lipsync.fit import fit_towers, load_sync_clips

NETWORK, LIP_ENERGY = "network", "lip energy"  # scorers
GENUINE, SWAPPED = "genuine", "another person's voice"  # kinds that are no family of generators

MIN_SPREAD = 1e-6  # of the confidence, so that equal values give no infinite deviation

CurveOf = Callable[[Embeddings, ModelInput], Curve | None]


@dataclass(frozen=True, slots=True)
class LipMeasure:
    """What a scorer says of one clip whose source it did not see.

    Attributes:
        kind: ``GENUINE``, ``SWAPPED``, or the family of the fake.
        delay_ms: By which the sound was delayed; negative where it was advanced.
        speech_s: Windows with speech and a moving mouth, in seconds.
        offset_ms: Delay of the sound that the scorer finds, within ±600.
        distance: One minus the similarity at that offset.
        confidence: That similarity minus the median over all offsets.
        deviation: Deviation of the confidence from its mean over genuine validation clips, either
            way, in standard deviations.
    """

    clip_id: str
    source: str
    identity: str
    scorer: str
    kind: str
    delay_ms: int
    speech_s: float
    offset_ms: float
    distance: float
    confidence: float
    deviation: float


@dataclass(frozen=True, slots=True)
class FoldMeasures:
    """All measures of the tested clips of a fold."""

    measures: tuple[LipMeasure, ...]


def measure_folds(
    folds: Sequence[SourceFold], settings: Settings, load: FeatureLoader, out: Path
) -> Iterator[FoldMeasures]:
    """Fit and measure each fold, or read what an earlier call measured with the same clips.

    Args:
        load: See :func:`unmask.training.lipsync.dataset.lip_feature_loader`.
        out: Folder for the measures; an interrupted call resumes there.
    """
    for fold in folds:
        key = run_key((*fold.developed, *fold.tested), settings)
        file = out / f"{key[:12]}.json"
        if not file.is_file():
            measured = FoldMeasures(tuple(measure_fold(fold, settings, load)))
            save(measured, file.with_suffix(".unfinished")).replace(file)
        yield read(FoldMeasures, file)


def measure_fold(fold: SourceFold, settings: Settings, load: FeatureLoader) -> Iterator[LipMeasure]:
    """Fit towers to the genuine clips of other sources, and measure the tested clips."""
    train, known = load_sync_clips(fold.developed, settings, load)
    net, _ = fit_towers(train, known, settings)
    tested = list(sync_clips(fold.tested, load))
    rng = np.random.default_rng(settings.seed)
    scorers: dict[str, CurveOf] = {NETWORK: partial(_network_curve, net), LIP_ENERGY: _energy_curve}
    reference = {name: _reference(curve_of, net, known) for name, curve_of in scorers.items()}
    for clip in tested:
        lips = embed_lips(net, clip.lips)
        speech_s = _speech_s(net, lips, clip.sample)
        about = (clip.clip.clip_id, clip.clip.source, clip.clip.identity)
        if speech_s * net.rate_hz < MIN_WINDOWS:
            continue
        for kind, delay_ms, sample in _variants(clip, tested, rng):
            for name, curve_of in scorers.items():
                curve = curve_of(lips, sample)
                if curve is not None and np.isfinite(curve).any():
                    values = _values(curve, reference[name], 1000 / net.rate_hz)
                    yield LipMeasure(*about, name, kind, delay_ms, speech_s, *values)


def write_measures(measures: Sequence[LipMeasure], path: Path) -> Path:
    """Write a CSV table with one line per measure."""
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(LipMeasure)])
        writer.writeheader()
        writer.writerows(asdict(measure) for measure in measures)
    return path


def _variants(
    clip: SyncClip, tested: Sequence[SyncClip], rng: np.random.Generator
) -> Iterator[tuple[str, int, ModelInput]]:
    """Yield kind, delay and sample of a clip; genuine ones also delayed, and with another voice."""
    if clip.clip.is_fake:
        yield family_of(clip.clip), 0, clip.sample
        return
    for shift_ms in SHIFTS_MS:
        for delay_ms in sorted({shift_ms, -shift_ms}):
            yield GENUINE, delay_ms, delay_audio(clip.sample, delay_ms / 1000)
    others = [
        other
        for other in tested
        if not other.clip.is_fake and other.clip.identity != clip.clip.identity
    ]
    if others:
        other = others[int(rng.integers(len(others)))]
        yield SWAPPED, 0, swap_audio(clip.sample, other.sample)


def _network_curve(net: LipSyncTowers, lips: Embeddings, sample: ModelInput) -> Curve | None:
    speech = embed_speech(net, sample.waveform, sample.is_speech)
    return similarity_by_shift(lips, speech).curve()


def _energy_curve(_: Embeddings, sample: ModelInput) -> Curve | None:
    if sample.lips is None:
        return None
    return correlations(sample.lips, sample.waveform, sample.is_speech)


def _speech_s(net: LipSyncTowers, lips: Embeddings, sample: ModelInput) -> float:
    """Return the seconds of windows with speech and a moving mouth."""
    if len(sample.is_speech) < WINDOW_TICKS * net.tick_samples:
        return 0.0
    spoken = spoken_windows(sample.is_speech, net.tick_samples)
    shared = min(len(spoken), len(lips.valid))
    return float((spoken[:shared] & lips.valid[:shared]).sum() / net.rate_hz)


def _reference(
    curve_of: CurveOf, net: LipSyncTowers, clips: Sequence[SyncClip]
) -> tuple[float, float]:
    """Return mean and standard deviation of the confidence on genuine clips."""
    curves = [curve_of(embed_lips(net, clip.lips), clip.sample) for clip in clips]
    confidences = np.array(
        [_confidence(curve) for curve in curves if curve is not None and np.isfinite(curve).any()]
    )
    return (
        (float(confidences.mean()), float(confidences.std()))
        if len(confidences) > 1
        else (0.0, 1.0)
    )


def _confidence(curve: Curve) -> float:
    return float(np.nanmax(curve) - np.nanmedian(curve))


def _values(
    curve: Curve, reference: tuple[float, float], tick_ms: float
) -> tuple[float, float, float, float]:
    mean, spread = reference
    confidence = _confidence(curve)
    deviation = abs(confidence - mean) / max(spread, MIN_SPREAD)
    return peak_shift(curve) * tick_ms, 1 - float(np.nanmax(curve)), confidence, float(deviation)
