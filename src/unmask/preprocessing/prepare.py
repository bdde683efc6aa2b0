"""A media file to everything that the detector sees of it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.config import PreprocessingSettings
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.faces.mouth_crops import MouthCropper, attach_mouth_crops
from unmask.preprocessing.faces.optical_flow import Levels, face_flow
from unmask.preprocessing.faces.person_tracks import PeopleWindow, iter_person_windows
from unmask.preprocessing.media.decode import probe
from unmask.preprocessing.media.sampling import window_index
from unmask.preprocessing.stages import CachedStages, Speech, attach_flow, read_speech
from unmask.preprocessing.timing import StageTimer
from unmask.records import (
    FACE_PX,
    RATE_HZ,
    ClipFeatures,
    MediaInfo,
    ModelInput,
    PersonFeatures,
    Waveform,
)


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the windows of one video have in common, or hand on to the next."""

    sound: Speech
    mouths: MouthCropper | None
    watch: StageTimer
    # person → last face and its time
    last: dict[int, tuple[NDArray[np.uint8], float]] = field(default_factory=dict)


def prepare_clip(
    path: Path,
    settings: PreprocessingSettings,
    cache: Cache | None = None,
    watch: StageTimer | None = None,
) -> ClipFeatures:
    """Prepare a whole clip; what the cache holds is not worked out again.

    The result is that of :func:`windows`, joined. Of a file that breaks off, ``end_s`` is
    where it does and ``info.duration_s`` what the container claims.

    Args:
        watch: Counts seconds of the stages ``decode``, ``faces``, ``align``, ``flow``, ``lips``,
            ``speech``.

    Raises:
        MediaError: The file cannot be read as video or sound.
    """
    stages = CachedStages(path, settings, cache, watch)
    info, seen, sound = stages.info(), stages.people(), stages.sound()
    people = attach_flow(seen.people, stages.flow())
    people = attach_mouth_crops(people, stages.lips(), settings.lips)
    span = (0.0, _end_s(info, seen.last_s, seen.frames_sampled, sound))
    return _features(info, span, seen.frames_sampled, people, sound)


def iter_windows(
    path: Path,
    settings: PreprocessingSettings,
    window_s: float = 30.0,
    watch: StageTimer | None = None,
    part_s: tuple[float, float] = (0.0, math.inf),
) -> Iterator[ClipFeatures]:
    """Prepare a video of any length, holding one window of its faces at a time.

    A person keeps the number given at first sight. The last window takes a remainder shorter
    than half a window with it. The sound is held whole: 4 MB a minute.

    Args:
        part_s: Begin and end of what is looked at and listened to.

    Raises:
        MediaError: The file cannot be read as video or sound.
    """
    watch = watch or StageTimer()
    with watch.measure("decode"):
        info = probe(path)
    start_s, stop_s = part_s
    sound = _until(stop_s, read_speech(info, settings.speech, watch))
    mouths = MouthCropper(settings.lips) if settings.lips.enabled else None
    shared = _Shared(sound, mouths, watch)
    first = window_index(start_s, window_s, info.duration_s)
    waiting, end_s = _blank(first), _end_s(info, 0.0, 0, sound)
    for seen in iter_person_windows(info, settings, window_s, watch, mouths, part_s):
        for number in range(waiting.number, seen.number):
            span = (max(number * window_s, start_s), (number + 1) * window_s)
            yield _window(info, span, waiting, settings, shared)
            waiting = _blank(number + 1)
        waiting, end_s = seen, _end_s(info, seen.last_s, seen.frames_sampled, sound)
    final = max(window_index(end_s, window_s, info.duration_s), waiting.number)
    for number in range(waiting.number, final + 1):
        over_s = max(end_s, start_s) if number == final else (number + 1) * window_s
        span = (max(number * window_s, start_s), over_s)
        yield _window(info, span, waiting, settings, shared)
        waiting = _blank(number + 1)


def to_model_inputs(features: ClipFeatures) -> tuple[ModelInput, ...]:
    """One row for the detector per person, largest first, each with the clip's sound.

    Where nobody is seen but something is heard: one row without faces. Neither: no row.
    """
    heard = features.waveform
    samples = np.zeros(0, np.float32) if heard is None else heard.samples
    is_speech = np.zeros(len(samples), np.bool_)
    for start, end in np.rint(features.speech_spans_s * RATE_HZ).astype(int):
        is_speech[start:end] = True
    if features.people:
        return tuple(
            ModelInput(
                one.faces,
                one.flow,
                samples,
                is_speech,
                lips=one.lips,
                landmarks=one.landmarks,
                pose_deg=one.track.pose_deg,
            )
            for one in features.people
        )
    nobody = np.zeros((0, FACE_PX, FACE_PX, 3), np.uint8)
    return (ModelInput(nobody, None, samples, is_speech),) if len(samples) else ()


def frames_with_face(people: tuple[PersonFeatures, ...]) -> int:
    """How many of the sampled frames show at least one face."""
    return len(set(chain.from_iterable(one.track.time_s.tolist() for one in people)))


def _window(
    info: MediaInfo,
    span: tuple[float, float],
    seen: PeopleWindow,
    settings: PreprocessingSettings,
    shared: _Shared,
) -> ClipFeatures:
    flow: list[Levels] = []
    for one in seen.people if settings.flow.enabled else ():
        with shared.watch.measure("flow"):
            before = shared.last.get(one.track.person)
            flow.append(face_flow(one.faces, one.track.time_s, before))
        shared.last[one.track.person] = (one.faces[-1].copy(), float(one.track.time_s[-1]))
    people = attach_flow(seen.people, tuple(flow) if settings.flow.enabled else None)
    lips = shared.mouths.pop(*span) if shared.mouths else None
    people = attach_mouth_crops(people, lips, settings.lips)
    return _features(info, span, seen.frames_sampled, people, shared.sound)


def _features(
    info: MediaInfo,
    span: tuple[float, float],
    frames_sampled: int,
    people: tuple[PersonFeatures, ...],
    sound: Speech,
) -> ClipFeatures:
    """Put together one window: the people in it, and its part of the sound."""
    start_s, end_s = span
    heard = sound.waveform
    if heard is not None:
        heard = Waveform(heard.samples[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)])
    speech_s = np.clip(sound.speech_s, start_s, end_s) - start_s
    speech_s = speech_s[speech_s[:, 1] > speech_s[:, 0]]
    return ClipFeatures(info, start_s, end_s, frames_sampled, people, heard, speech_s)


def _until(stop_s: float, sound: Speech) -> Speech:
    """The sound up to there."""
    if sound.waveform is None or stop_s >= sound.waveform.duration_s:
        return sound
    speech_s = np.minimum(sound.speech_s, stop_s)
    kept = Waveform(sound.waveform.samples[: round(stop_s * RATE_HZ)])
    return Speech(kept, speech_s[speech_s[:, 1] > speech_s[:, 0]])


def _end_s(info: MediaInfo, last_s: float, frames_sampled: int, sound: Speech) -> float:
    """Where what could be decoded ends."""
    heard_s = sound.waveform.duration_s if sound.waveform is not None else 0.0
    if not frames_sampled:
        return heard_s
    shown_s = last_s + (1 / info.fps if info.fps else 0.0)
    return max(shown_s, heard_s)


def _blank(number: int) -> PeopleWindow:
    return PeopleWindow(number, 0.0, 0, ())
