"""Evidence: images and descriptions for a person who reviews a video, and their faithfulness."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.explainability.audio_occlusion import (
    VoiceScorer,
    audio_deletion_test,
    occlusion_importance,
)
from unmask.explainability.evidence_item import EvidenceItem
from unmask.explainability.evidence_texts import describe_face, describe_sound
from unmask.explainability.faithfulness import Faithfulness, measure_heat
from unmask.explainability.frame_scorer import FrameScorer
from unmask.explainability.heat_map import Heat, enlarge, heat_cells
from unmask.explainability.overlay import draw_overlay
from unmask.explainability.top_moments import AudioExcerpt, FrameCandidate, TopMoments
from unmask.explainability.waveform_plot import draw_waveform
from unmask.models.bundle import Bundle
from unmask.models.calibration.segments import BIN_S
from unmask.models.cam_layer import find_cam_layer
from unmask.preprocessing.media.seek import read_frames_at

LOG_ODDS_DECIMALS = 4
TIME_DECIMALS = 3


def render_evidence(
    bundle: Bundle, path: Path, moments: TopMoments, folder: Path
) -> tuple[EvidenceItem, ...]:
    """Render the top frames of each person and the audio excerpt into ``folder``.

    The cost does not depend on the length of the video: at most ``MAX_FRAMES`` frames of
    ``MAX_PEOPLE`` people with one gradient pass each, and ``EXCERPT_S`` of sound. Only the first
    member of an ensemble is used. Of a map that is no better than random regions, only the frame
    is drawn.

    Args:
        path: The video that ``moments`` are from.
        folder: Created if missing; files of the same name are replaced.

    Returns:
        Frames person by person, highest first, then the sound.

    Raises:
        ConfigError: No layer of the frame backbone is a grid over the face.
        MediaError: The video cannot be opened any more.
    """
    folder.mkdir(parents=True, exist_ok=True)
    frames = {
        f"person{person}-frame-{rank}": frame
        for person, candidates in sorted(moments.people.items())
        for rank, frame in enumerate(candidates, start=1)
    }
    heat_maps = dict(_heat_maps(bundle, frames))
    drawn = _draw_frames(path, frames, heat_maps, folder)
    items = [
        _frame_evidence(bundle, name, frame, heat_maps[name], drawn.get(name, ()))
        for name, frame in frames.items()
    ]
    if moments.sound is not None:
        items += _sound_evidence(bundle, moments.sound, folder)
    return tuple(items)


@dataclass(frozen=True, slots=True)
class _HeatMap:
    cells: Heat
    test: Faithfulness | None

    @property
    def is_shown(self) -> bool:
        return bool(self.cells.any()) and (self.test is None or self.test.is_supported)


def _heat_maps(bundle: Bundle, frames: dict[str, FrameCandidate]) -> Iterator[tuple[str, _HeatMap]]:
    if not frames:
        return
    layer = find_cam_layer(bundle.first_member.frame)
    for name, frame in frames.items():
        scorer = FrameScorer(bundle, layer, frame)
        genuine = bundle.genuine_features.get(layer.name)
        cells = heat_cells(scorer, genuine)
        yield name, _HeatMap(cells, measure_heat(scorer, cells, frame.landmarks, genuine))


def _draw_frames(
    path: Path, frames: dict[str, FrameCandidate], heat_maps: dict[str, _HeatMap], folder: Path
) -> dict[str, tuple[str, ...]]:
    """Write the images, and return their names for each frame that could be read again."""
    drawn: dict[str, tuple[str, ...]] = {}
    for time_s, picture in read_frames_at(path, [frame.time_s for frame in frames.values()]):
        for name, frame in frames.items():
            if frame.time_s == time_s:
                with_heat, original = draw_overlay(picture, frame, enlarge(heat_maps[name].cells))
                images = {f"{name}.png": with_heat} if heat_maps[name].is_shown else {}
                images[f"{name}-original.png"] = original
                drawn[name] = tuple(images)
                for file, image in images.items():
                    _write(folder / file, image)
    return drawn


def _frame_evidence(
    bundle: Bundle, name: str, frame: FrameCandidate, heat_map: _HeatMap, files: tuple[str, ...]
) -> EvidenceItem:
    has_heat = bool(heat_map.cells.any())
    return EvidenceItem(
        kind="heat_map",
        person=frame.person,
        time_s=round(frame.time_s, TIME_DECIMALS),
        fake_probability=frame.probability,
        description=describe_face(heat_map.test, has_heat, len(bundle.members)),
        file=files[0] if len(files) > 1 else None,
        original=files[-1] if files else None,
        **_measured(heat_map.test),
    )


def _sound_evidence(bundle: Bundle, excerpt: AudioExcerpt, folder: Path) -> Iterator[EvidenceItem]:
    scorer = VoiceScorer(bundle, excerpt.sample)
    if not len(scorer.speech_bins):
        return
    weights = occlusion_importance(scorer)
    test = audio_deletion_test(scorer, weights)
    begins_s = excerpt.start_s + scorer.speech_bins * BIN_S
    is_shown = test is None or test.is_supported
    shown = weights if is_shown else np.zeros_like(weights)
    _write(folder / "sound.png", draw_waveform(excerpt, begins_s, shown))
    times_s, values = begins_s.round(TIME_DECIMALS).tolist(), weights.round(3).tolist()
    yield EvidenceItem(
        kind="sound",
        person=None,
        time_s=round(excerpt.start_s, TIME_DECIMALS),
        fake_probability=excerpt.probability,
        description=describe_sound(test, bool(weights.any()), len(bundle.members)),
        file="sound.png",
        importance=tuple(zip(times_s, values, strict=True)) if is_shown else (),
        **_measured(test),
    )


def _measured(test: Faithfulness | None) -> dict[str, Any]:
    """Return the fields of an item that hold the results of its test."""
    if test is None:
        return {}
    effects = {
        "faithfulness": test.deletion,
        "random_drop": test.random_deletion,
        "insertion": test.insertion,
        "random_insertion": test.random_insertion,
        "p_value": test.p_value,
    }
    rounded = {
        name: None if value is None else round(value, LOG_ODDS_DECIMALS)
        for name, value in effects.items()
    }
    return {**rounded, "is_supported": test.is_supported}


def _write(path: Path, picture: NDArray[np.uint8]) -> None:
    encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1]
    path.write_bytes(encoded.tobytes())
