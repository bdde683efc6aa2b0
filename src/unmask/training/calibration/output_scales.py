"""Calibration of every output beside the clip's score, each to its own label.

A clip may be a fake whose face, or most of whose frames, are genuine. Face, voice, frames and
seconds of the voice therefore have labels and Platt scales of their own.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from unmask.evaluation.output_calibration import LabelledOutput
from unmask.models.calibration.platt import (
    OUTPUTS,
    OutputScales,
    PlattScale,
    clipped_logit,
    fit_platt,
)
from unmask.models.calibration.segments import STEP_S
from unmask.models.inference import SampleScore, decisive_score
from unmask.records import Clip
from unmask.training.score_frames import label_times
from unmask.training.scored_clip import ScoredClip

Floats = NDArray[np.float64]


def fit_output_scales(
    scored: Sequence[ScoredClip], rate_hz: float, prevalence: float, fallback: PlattScale
) -> OutputScales:
    """Fit the scale of every output.

    Args:
        scored: Scores by a bundle without calibration.
        rate_hz: Sampled frames per second.
        prevalence: Share of forged faces, voices, frames and seconds that the probabilities are
            stated for.
        fallback: Scale of an output whose labels are missing, or of one class.
    """
    outputs = label_outputs(scored, rate_hz)
    return OutputScales(*(_fit(outputs.get(name), prevalence, fallback) for name in OUTPUTS))


def label_outputs(
    scored: Sequence[ScoredClip], rate_hz: float, by_second: bool = False
) -> dict[str, LabelledOutput]:
    """Return the scores of each output of ``OUTPUTS`` with their own labels.

    Args:
        rate_hz: Sampled frames per second.
        by_second: Average the steps of the voice over seconds, as reports show them.

    Returns:
        Without outputs that no clip has a label for.
    """
    rows: dict[str, list[LabelledOutput]] = {name: [] for name in OUTPUTS}
    for clip in scored:
        for name, output in _of_clip(clip.clip, decisive_score(clip.scores), rate_hz, by_second):
            rows[name].append(output)
    return {name: LabelledOutput.join(parts) for name, parts in rows.items() if parts}


def _of_clip(
    clip: Clip, score: SampleScore, rate_hz: float, by_second: bool
) -> Iterator[tuple[str, LabelledOutput]]:
    def output(p: Floats, is_fake: NDArray[np.bool_]) -> LabelledOutput:
        return LabelledOutput(p, is_fake, np.full(len(p), clip.identity))

    if score.video_probability is not None and clip.fake_video is not None:
        yield "face", output(np.array([score.video_probability]), np.array([clip.fake_video]))
        times_s = np.arange(len(score.frame_probabilities)) / rate_hz
        yield "frame", output(score.frame_probabilities, label_times(clip, times_s, "video"))
    if score.audio_probability is not None and clip.fake_audio is not None:
        yield "voice", output(np.array([score.audio_probability]), np.array([clip.fake_audio]))
        speech = np.flatnonzero(~np.isnan(score.step_probabilities))
        times_s, p = (speech + 0.5) * STEP_S, score.step_probabilities[speech]
        labels = label_times(clip, times_s, "audio")
        if by_second:
            _, index = np.unique(np.floor(times_s), return_inverse=True)
            sizes = np.bincount(index)
            p, labels = np.bincount(index, p) / sizes, 2 * np.bincount(index, labels) > sizes
        yield "second", output(p, labels)


def _fit(output: LabelledOutput | None, prevalence: float, fallback: PlattScale) -> PlattScale:
    if output is None or len(set(output.is_fake.tolist())) < 2:
        return fallback
    scale = PlattScale(*fit_platt(clipped_logit(output.probabilities), output.is_fake))
    return scale.shifted(float(logit(prevalence) - logit(output.is_fake.mean())))
