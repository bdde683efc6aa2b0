"""From tallied scores and facts to the report."""

from collections.abc import Iterator

import numpy as np
from scipy.special import expit

from unmask.models.bundle import Bundle
from unmask.models.calibration import Calibration, calibrate
from unmask.records import MediaInfo
from unmask.serving import report as contract
from unmask.serving.facts import Facts, notes
from unmask.serving.segments import segments
from unmask.serving.tally import BIN_S, Tally, Track


def write_report(
    bundle: Bundle, info: MediaInfo, facts: Facts, tally: Tally, timing: contract.Timing
) -> contract.Report:
    """Put together what one video's windows gave."""
    calibration, quality, model = bundle.calibration, facts.quality(), describe(bundle)
    decisive = tally.decisive()
    probability = None if decisive is None else _probability(decisive, calibration)
    frame_s = 1 / bundle.preprocessing.sampling.rate_hz
    return contract.Report(
        verdict=verdict(probability, calibration),
        fake_probability=probability,
        modalities=contract.Modalities(
            video=None if decisive is tally.sound else _alone(decisive), audio=_alone(tally.sound)
        ),
        people=tuple(_people(tally, calibration)),
        segments=tuple(_segments(tally, calibration.fake_above, frame_s)),
        quality=quality,
        notes=tuple(notes(facts, quality, info, model)),
        media=_media(info),
        model=model,
        timing_s=timing,
    )


def verdict(probability: float | None, calibration: Calibration) -> contract.Verdict:
    """What a probability means under the bundle's thresholds.

    Example:
        >>> verdict(0.5, Calibration(real_below=0.3, fake_above=0.7))
        'inconclusive'
    """
    if probability is None:
        return "inconclusive"
    if probability > calibration.fake_above:
        return "fake"
    return "real" if probability < calibration.real_below else "inconclusive"


def describe(bundle: Bundle) -> contract.Model:
    """Which detector answers."""
    return contract.Model(
        sha256=bundle.sha256,
        phase=bundle.phase,
        profile=bundle.profile,
        frame_backbone=bundle.settings.frame_backbone,
        voice_backbone=bundle.settings.voice_backbone,
        temperature=bundle.calibration.temperature,
        real_below=bundle.calibration.real_below,
        fake_above=bundle.calibration.fake_above,
    )


def _probability(track: Track, calibration: Calibration) -> float:
    return float(calibrate(track.logit.value or 0.0, calibration.temperature))


def _alone(track: Track | None) -> float | None:
    if track is None or track.alone.value is None:
        return None
    return float(expit(track.alone.value))


def _people(tally: Tally, calibration: Calibration) -> Iterator[contract.Person]:
    longest_first = sorted(tally.people.items(), key=lambda item: -len(item[1].times_s))
    for number, track in longest_first:
        moments = zip(track.times_s, track.probabilities, strict=True)
        yield contract.Person(
            id=number,
            fake_probability=_probability(track, calibration),
            frames=len(track.times_s),
            timeline=tuple(
                contract.Moment(time_s=round(time_s, 3), fake_probability=value)
                for time_s, value in moments
            ),
        )


def _segments(tally: Tally, threshold: float, frame_s: float) -> Iterator[contract.Segment]:
    for number, track in tally.people.items():
        times_s = np.array(track.times_s)
        edges = np.stack([times_s, times_s + frame_s], axis=1)
        yield from segments(np.array(track.probabilities), edges, threshold, "video", number)
    starts_s = np.array(tally.sound.times_s)
    edges = np.stack([starts_s, starts_s + BIN_S], axis=1)
    yield from segments(np.array(tally.sound.probabilities), edges, threshold, "audio")


def _media(info: MediaInfo) -> contract.Media:
    return contract.Media(
        file=info.path.name,
        sha256=info.sha256,
        size_bytes=info.size_bytes,
        duration_s=info.duration_s,
        width=info.width,
        height=info.height,
        rotation_deg=info.rotation_deg,
        fps=info.fps,
        video_codec=info.video_codec,
        audio_codec=info.audio_codec,
    )
