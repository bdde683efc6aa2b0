"""Windows of a clip whose features are known as a whole, cut as serving prepares them."""

from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.preprocessing.features import Speech, trim_speech
from unmask.preprocessing.media.sampling import TOLERANCE_S, window_index
from unmask.preprocessing.prepare import frames_with_face, to_model_inputs
from unmask.records import ClipFeatures, FaceTrack, ModelInput, MouthCrops, PersonFeatures

WINDOW_S = 30.0


def with_model_inputs(
    windows: Iterable[ClipFeatures],
) -> Iterator[tuple[ClipFeatures, tuple[ModelInput, ...]]]:
    """Yield windows with the model inputs of their people, and keep none in memory."""
    for window in windows:
        yield window, to_model_inputs(window)
        del window


def split_windows(features: ClipFeatures, window_s: float | None = None) -> Iterator[ClipFeatures]:
    """Cut the features of a whole clip as :func:`unmask.preprocessing.prepare.iter_windows` does.

    Faces before alignment are left out, and ``frames_sampled`` counts the frames with a face
    alone. No score depends on either.

    Args:
        window_s: ``WINDOW_S`` if not given.
    """
    window_s, duration_s = window_s or WINDOW_S, features.info.duration_s
    last = window_index(features.end_s, window_s, duration_s)
    if not last:
        yield features
        return
    speech = Speech(features.waveform, features.speech_spans_s)
    for index in range(last + 1):
        end_s = features.end_s if index == last else (index + 1) * window_s
        part = trim_speech(speech, index * window_s, end_s)
        until_s = np.inf if index == last else end_s
        cut = (_cut(person, (index * window_s, until_s)) for person in features.people)
        people = tuple(person for person in cut if len(person.faces))
        yield replace(
            features,
            start_s=index * window_s,
            end_s=end_s,
            frames_sampled=frames_with_face(people),
            frames_still=0,
            people=people,
            waveform=part.waveform,
            speech_spans_s=part.spans_s,
        )


def _cut(person: PersonFeatures, span_s: tuple[float, float]) -> PersonFeatures:
    rows = _within(person.track.time_s, span_s)
    lips = person.lips
    return PersonFeatures(
        _cut_track(person.track, rows),
        person.faces[rows],
        None if person.flow is None else person.flow[rows],
        person.landmarks[rows],
        None if lips is None else _cut_lips(lips, span_s),
    )


def _cut_track(track: FaceTrack, rows: slice) -> FaceTrack:
    values = {field.name: getattr(track, field.name) for field in fields(track)}
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    cut: dict[str, Any] = {name: value[rows] for name, value in arrays.items()}
    return replace(track, **cut)


def _cut_lips(lips: MouthCrops, span_s: tuple[float, float]) -> MouthCrops:
    rows = _within(lips.time_s, span_s)
    return replace(
        lips,
        mouths=lips.mouths[rows],
        time_s=lips.time_s[rows] - span_s[0],
        opening=lips.opening[rows],
    )


def _within(times_s: NDArray[np.float64], span_s: tuple[float, float]) -> slice:
    """Return the rows of a span; a slice keeps the memory-mapped arrays of a cached clip."""
    first, end = np.searchsorted(times_s, np.array(span_s) - TOLERANCE_S)
    return slice(int(first), int(end))
