"""Scores of clips together with the scores of their frames, as literature compares detectors.

Frame-level metrics pool the frames of all clips (Yan et al., DeepfakeBench, NeurIPS 2023,
``training/metrics/utils.py``). The frame protocol scores a fixed number of evenly spaced frames per
clip, 32 in most papers; a frame has the highest score of its faces, and a clip the mean of its
frames (Shiohara & Yamasaki, CVPR 2022, ``src/inference/inference_dataset.py``). It uses no sound.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from unmask.data.torch.evaluation_set import FeatureLoader, slice_frames, unusable_example
from unmask.evaluation.cross_dataset import ScoredFrames, ScoredVideo
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import Calibration, clipped_logit
from unmask.models.inference import SampleScore, clip_score, score_samples
from unmask.models.padding import missing_input, usable_samples
from unmask.models.window_scores import NOTHING_TO_SCORE, clip_scores, score_windows
from unmask.preprocessing.clip_windows import split_windows, with_model_inputs
from unmask.preprocessing.prepare import to_model_inputs
from unmask.progress_bar import track
from unmask.records import Clip, ClipFeatures, ModelInput
from unmask.training.detector.frozen_features import cached_features_of
from unmask.training.score_clips import make_score_row

NO_FACE = "no face in the clip"
NO_SOUND = np.zeros(0, np.float32), np.zeros(0, np.bool_)

Floats = NDArray[np.float64]


def score_videos(
    bundle: Bundle, clips: Sequence[Clip], load: FeatureLoader, frames: int = 0
) -> tuple[tuple[ScoredVideo, ...], dict[str, str]]:
    """Score clips and their frames.

    Args:
        load: Loads the features of a clip with the bundle's preprocessing.
        frames: Frames per clip, evenly spaced among those of the bundle's sampling rate in which a
            face is seen; a clip with fewer is scored on all of them. 0 scores clips by all frames
            and by their sound, as ``unmask eval score`` does.

    Returns:
        The scored clips, and for each of the others, by its ``clip_id``, the reason.
    """
    scored, problems = [], {}
    with cached_features_of(bundle, load):
        for clip in track(clips, "score"):
            try:
                video = _score_video(bundle, clip, load(clip), frames)
            except Exception as error:  # a bug that one clip triggers must not end an evaluation
                video = unusable_example(clip, error).problem
            if isinstance(video, ScoredVideo):
                scored.append(video)
            else:
                problems[clip.clip_id] = video
    return tuple(scored), problems


def _score_video(
    bundle: Bundle, clip: Clip, features: ClipFeatures, frames: int
) -> ScoredVideo | str:
    samples = usable_samples(to_model_inputs(features), bundle.settings)
    people = features.people if "video" in bundle.settings.modalities else ()
    times_s = [person.track.time_s for person in people]
    if frames and not times_s:
        return NO_FACE
    if not samples:
        return f"{missing_input(bundle.settings)} in the clip"
    if frames:
        samples, times_s = _select_frames(samples, times_s, frames)
        scores = score_samples(bundle, samples)
    else:
        joined = score_windows(bundle, with_model_inputs(split_windows(features)))
        scores, times_s = clip_scores(joined), joined.face_times_s()
    if not scores:
        return NOTHING_TO_SCORE
    frame_times_s, probabilities = _highest_by_frame(scores, times_s)
    calibration = bundle.calibration
    scored_frames = ScoredFrames(
        probabilities,
        called_fake=probabilities > calibration.alarms.video,
        is_fake=label_times(clip, frame_times_s, "video"),
    )
    decisive = clip_score(scores)
    row = replace(make_score_row(clip, decisive), prevalence=calibration.stated_prevalence)
    if frames:
        mean = float(probabilities.mean())
        row = replace(
            row, logit=float(clipped_logit(mean)), probability=mean, video_probability=mean
        )
    threshold = decisive.calibration_in_effect(calibration).fake_above
    return ScoredVideo(row, row.probability > threshold, scored_frames)


def decision_thresholds(calibration: Calibration) -> dict[str, float]:
    """Return the thresholds above which clips and frames are called fake.

    They are those of the verdict, and of a flagged segment of the face.
    """
    return {
        "clip": calibration.fake_above,
        "clip_without_lip_sync": calibration.detectors.fake_above,
        "frame": calibration.alarms.video,
    }


def label_times(clip: Clip, time_s: Floats, modality: str) -> NDArray[np.bool_]:
    """Return whether the face or the voice of a clip is forged at each time, shape ``(times,)``.

    A time has the label of the clip's face or voice; where that is unknown, it has that of the
    clip. If the data set names forged segments of it, the times outside of them are genuine.

    Args:
        time_s: Times from the start of the clip, shape ``(times,)``.
        modality: ``video`` or ``audio``.
    """
    spans = [span for span in clip.fake_periods if span.modality == modality]
    if spans:
        inside = [(span.start_s <= time_s) & (time_s < span.end_s) for span in spans]
        return np.asarray(np.any(inside, axis=0), np.bool_)
    label = clip.fake_video if modality == "video" else clip.fake_audio
    return np.full(len(time_s), clip.is_fake if label is None else label, np.bool_)


def _select_frames(
    samples: Sequence[ModelInput], times_s: Sequence[Floats], frames: int
) -> tuple[tuple[ModelInput, ...], list[Floats]]:
    """Return the people who are seen in ``frames`` evenly spaced frames, in these alone."""
    seen_s = np.unique(np.concatenate(times_s))
    places = np.linspace(0, len(seen_s) - 1, min(frames, len(seen_s)))
    wanted_s = seen_s[np.round(places).astype(np.int64)]
    chosen = [np.isin(time_s, wanted_s) for time_s in times_s]
    people = [number for number, mask in enumerate(chosen) if mask.any()]
    selected = tuple(_without_sound(samples[number], chosen[number]) for number in people)
    return selected, [times_s[number][chosen[number]] for number in people]


def _without_sound(sample: ModelInput, chosen: NDArray[np.bool_]) -> ModelInput:
    waveform, is_speech = NO_SOUND
    selected = slice_frames(sample, chosen)
    return replace(selected, waveform=waveform, is_speech=is_speech, lips=None)


def _highest_by_frame(
    scores: Sequence[SampleScore], times_s: Sequence[Floats]
) -> tuple[Floats, Floats]:
    """Return the time of each frame with a face, and the highest probability among its faces."""
    if not times_s:
        return np.zeros(0), np.zeros(0)
    time_s = np.concatenate(times_s)
    probabilities = np.concatenate([score.frame_probabilities for score in scores])
    frame_s, index = np.unique(time_s, return_inverse=True)
    highest = np.zeros(len(frame_s))
    np.maximum.at(highest, index, probabilities)
    return frame_s, highest
