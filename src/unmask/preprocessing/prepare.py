"""Feature preparation: from a media file to the inputs of the detector."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.config import PreprocessingSettings
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.faces.alignment import estimate_similarity
from unmask.preprocessing.faces.face_embedding import find_embedder
from unmask.preprocessing.faces.head_pose import rotate_pose
from unmask.preprocessing.faces.identities import IdentityMatcher
from unmask.preprocessing.faces.merged_tracks import merge_tracks
from unmask.preprocessing.faces.mouth_crops import MouthCropper
from unmask.preprocessing.faces.optical_flow import Levels, face_flow
from unmask.preprocessing.faces.person_tracks import PeopleWindow, iter_person_windows
from unmask.preprocessing.features import (
    Speech,
    attach_flow,
    attach_mouth_crops,
    attach_source_faces,
    read_speech,
    trim_speech,
)
from unmask.preprocessing.media.probe import probe
from unmask.preprocessing.media.sampling import window_index
from unmask.preprocessing.speech.vad import speech_mask
from unmask.preprocessing.stages import CachedStages
from unmask.preprocessing.timing import StageTimer
from unmask.records import FACE_PX, ClipFeatures, MediaInfo, ModelInput, PersonFeatures


@dataclass(frozen=True, slots=True)
class _VideoState:
    """State that the windows of one video share, or pass on to the next window."""

    info: MediaInfo
    settings: PreprocessingSettings
    speech: Speech
    mouths: MouthCropper | None
    timer: StageTimer
    identities: IdentityMatcher
    # by track: the last face and its time
    last_faces: dict[int, tuple[NDArray[np.uint8], float]] = field(default_factory=dict)


def prepare_clip(
    path: Path,
    settings: PreprocessingSettings,
    cache: Cache | None = None,
    timer: StageTimer | None = None,
) -> ClipFeatures:
    """Compute the features of a whole clip, or read them from the cache.

    But for the faces before alignment, which only training reads, the result equals the
    concatenated windows of :func:`iter_windows`. For a truncated file,
    ``end_s`` is the end of what decodes, and ``info.duration_s`` the duration that the container
    states.

    Args:
        timer: Measures the stages ``decode``, ``faces``, ``align``, ``flow``, ``lips``,
            ``source`` and ``speech``.

    Raises:
        MediaError: The file cannot be decoded.
    """
    stages = CachedStages(path, settings, cache, timer)
    info, window, speech = stages.info(), stages.people(), stages.speech()
    tracks = attach_flow(window.people, stages.flow())
    tracks = attach_mouth_crops(tracks, stages.mouth_crops(), settings.lips)
    identity = stages.identity()
    people = merge_tracks(tracks, identity.people)
    people = attach_source_faces(people, stages.source_faces())
    span_s = (0.0, _end_s(info, window, speech))
    features = _build_features(info, span_s, window, people, speech)
    return replace(features, compared=identity.compared)


def iter_windows(
    path: Path,
    settings: PreprocessingSettings,
    window_s: float = 30.0,
    timer: StageTimer | None = None,
    part_s: tuple[float, float] = (0.0, math.inf),
) -> Iterator[ClipFeatures]:
    """Compute the features of a video of any length, one window at a time.

    A person has the same ID in all windows. A remainder shorter than half a window belongs to
    the last window. Only the faces of one window are held in memory, but all of the audio, 4 MB
    per minute.

    Args:
        timer: See :func:`prepare_clip`.
        part_s: Start and end of the part of the video to process.

    Raises:
        MediaError: The file cannot be decoded.
    """
    timer = timer or StageTimer()
    with timer.measure("decode"):
        info = probe(path)
    start_s = part_s[0]
    speech = read_speech(info, settings.speech, timer, part_s)
    mouths = MouthCropper(settings.lips) if settings.lips.enabled else None
    identities = IdentityMatcher(find_embedder())
    state = _VideoState(info, settings, speech, mouths, timer, identities)
    pending = _empty_window(window_index(start_s, window_s, info.duration_s))
    end_s = _end_s(info, pending, speech)
    for window in iter_person_windows(info, settings, window_s, timer, mouths, part_s):
        for index in range(pending.index, window.index):
            span_s = (max(index * window_s, start_s), (index + 1) * window_s)
            yield _prepare_window(state, span_s, pending)
            pending = _empty_window(index + 1)
        pending, end_s = window, _end_s(info, window, speech)
    last = max(window_index(end_s, window_s, info.duration_s), pending.index)
    for index in range(pending.index, last + 1):
        window_end_s = max(end_s, start_s) if index == last else (index + 1) * window_s
        yield _prepare_window(state, (max(index * window_s, start_s), window_end_s), pending)
        pending = _empty_window(index + 1)


def to_model_inputs(features: ClipFeatures) -> tuple[ModelInput, ...]:
    """Convert features to one model input per person, each with the audio of the clip.

    Returns:
        Inputs in the order of ``features.people``. One input without faces if there is audio but
        no person; none if there is neither.
    """
    waveform = features.waveform
    samples = np.zeros(0, np.float32) if waveform is None else waveform.samples
    is_speech = speech_mask(features.speech_spans_s, len(samples))
    if features.people:
        return tuple(
            ModelInput(
                person.faces,
                person.flow,
                samples,
                is_speech,
                lips=person.lips,
                landmarks=person.landmarks,
                pose_deg=_pose_in_crop(person),
                times_s=person.track.time_s - features.start_s,
                shots=person.track.shots,
            )
            for person in features.people
        )
    no_faces = np.zeros((0, FACE_PX, FACE_PX, 3), np.uint8)
    return (ModelInput(no_faces, None, samples, is_speech),) if len(samples) else ()


def _pose_in_crop(person: PersonFeatures) -> NDArray[np.float32]:
    """Return yaw, pitch and roll in the aligned faces, which alignment has rotated."""
    points = zip(person.track.landmarks_px, person.landmarks, strict=True)
    maps = np.array([estimate_similarity(*pair) for pair in points]).reshape(-1, 2, 3)
    return rotate_pose(person.track.pose_deg, np.arctan2(maps[:, 1, 0], maps[:, 0, 0]))


def frames_with_face(people: tuple[PersonFeatures, ...]) -> int:
    """Count the sampled frames with at least one face."""
    return len(set(chain.from_iterable(person.track.time_s.tolist() for person in people)))


def _prepare_window(
    state: _VideoState, span_s: tuple[float, float], window: PeopleWindow
) -> ClipFeatures:
    settings = state.settings
    flow: list[Levels] = []
    for person in window.people if settings.flow.enabled else ():
        with state.timer.measure("flow"):
            previous = state.last_faces.get(person.track.person)
            flow.append(face_flow(person.faces, person.track.time_s, previous))
        last = person.faces[-1].copy(), float(person.track.time_s[-1])
        state.last_faces[person.track.person] = last
    tracks = attach_flow(window.people, tuple(flow) if settings.flow.enabled else None)
    crops = state.mouths.pop(*span_s) if state.mouths else None
    tracks = attach_mouth_crops(tracks, crops, settings.lips)
    with state.timer.measure("faces"):
        people = merge_tracks(tracks, state.identities.number_tracks(tracks))
    features = _build_features(state.info, span_s, window, people, state.speech)
    return replace(features, compared=state.identities.compared)


def _build_features(
    info: MediaInfo,
    span_s: tuple[float, float],
    window: PeopleWindow,
    people: tuple[PersonFeatures, ...],
    speech: Speech,
) -> ClipFeatures:
    """Combine the people of a window with its part of the audio."""
    part = trim_speech(speech, *span_s)
    return ClipFeatures(
        *(info, *span_s, window.frames_sampled, people, part.waveform, part.spans_s),
        frames_still=window.frames_still,
    )


def _end_s(info: MediaInfo, window: PeopleWindow, speech: Speech) -> float:
    """Return the end of what decodes: of the last frame, or of the audio if that is longer."""
    audio_end_s = speech.waveform.duration_s if speech.waveform is not None else 0.0
    if not window.frames_sampled:
        return audio_end_s
    video_end_s = window.last_s + (1 / info.fps if info.fps else 0.0)
    return max(video_end_s, audio_end_s)


def _empty_window(index: int) -> PeopleWindow:
    return PeopleWindow(index, 0.0, 0, ())
