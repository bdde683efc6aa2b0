"""Evidence: images and descriptions for a person who reviews a video, and their faithfulness."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.explainability.audio_occlusion import (
    VoiceScorer,
    audio_deletion_test,
    occlusion_importance,
)
from unmask.explainability.cam_layer import find_cam_layer
from unmask.explainability.deletion_test import DeletionResult, run_deletion_test
from unmask.explainability.gradcam import FrameScorer, grad_cam
from unmask.explainability.overlay import draw_overlay
from unmask.explainability.top_moments import AudioExcerpt, FrameCandidate, TopMoments
from unmask.explainability.waveform_plot import draw_waveform
from unmask.models.bundle import Bundle
from unmask.models.calibration.segments import BIN_S
from unmask.preprocessing.media.seek import read_frames_at

LOG_ODDS_DECIMALS = 4
TIME_DECIMALS = 3


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    """One piece of evidence.

    Attributes:
        kind: ``heat_map`` of a frame, or ``sound`` over time.
        person: ``None`` for sound.
        time_s: Time in the video; for sound, its start.
        fake_probability: Score of what is shown.
        faithfulness: Drop of the score, in log-odds, when the highlighted part is removed.
        random_drop: Mean drop when random parts of the same size are removed.
        file: Name of the image; ``None`` where the frame could not be read from the video again.
        original: Name of the same image without the drawing.
        importance: Time in the video and weight in ``[0, 1]`` of each bin of speech.
    """

    kind: str
    person: int | None
    time_s: float
    fake_probability: float
    faithfulness: float | None
    random_drop: float | None
    description: str
    file: str | None = None
    original: str | None = None
    importance: tuple[tuple[float, float], ...] = ()


def render_evidence(
    bundle: Bundle, path: Path, moments: TopMoments, folder: Path
) -> tuple[EvidenceItem, ...]:
    """Render the top frames of each person and the audio excerpt into ``folder``.

    The cost does not depend on the length of the video: at most ``MAX_FRAMES`` frames of
    ``MAX_PEOPLE`` people with one gradient pass each, and ``EXCERPT_S`` of sound. Only the first
    member of an ensemble is used.

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
        _frame_evidence(bundle, name, frame, heat_maps[name], name in drawn)
        for name, frame in frames.items()
    ]
    if moments.sound is not None:
        items += _sound_evidence(bundle, moments.sound, folder)
    return tuple(items)


@dataclass(frozen=True, slots=True)
class _HeatMap:
    heat: NDArray[np.float32]
    deletion: DeletionResult | None


def _heat_maps(bundle: Bundle, frames: dict[str, FrameCandidate]) -> Iterator[tuple[str, _HeatMap]]:
    layer = None
    for name, frame in frames.items():
        scorer = FrameScorer(bundle, frame)
        layer = layer or find_cam_layer(bundle.first_member.frame, scorer.score)
        heat = grad_cam(scorer, layer)
        yield name, _HeatMap(heat, run_deletion_test(scorer, heat, frame.landmarks))


def _draw_frames(
    path: Path, frames: dict[str, FrameCandidate], heat_maps: dict[str, _HeatMap], folder: Path
) -> set[str]:
    """Write the images and return the names of the frames that could be read again."""
    drawn: set[str] = set()
    for time_s, picture in read_frames_at(path, [frame.time_s for frame in frames.values()]):
        for name, frame in frames.items():
            if frame.time_s == time_s:
                with_heat, original = draw_overlay(picture, frame, heat_maps[name].heat)
                _write(folder / f"{name}.png", with_heat)
                _write(folder / f"{name}-original.png", original)
                drawn.add(name)
    return drawn


def _frame_evidence(
    bundle: Bundle, name: str, frame: FrameCandidate, heat_map: _HeatMap, drawn: bool
) -> EvidenceItem:
    deletion = heat_map.deletion
    description = f"Face regions that raise the frame model's fake score{_member(bundle)}"
    if deletion is None:
        description += "; none in this frame."
    else:
        description += (
            f": blurring the highlighted fifth of the face changes the score by "
            f"{-deletion.drop:+.2f} log-odds, blurring a random fifth by "
            f"{-deletion.random_drop:+.2f} on average."
        )
    return EvidenceItem(
        kind="heat_map",
        person=frame.person,
        time_s=round(frame.time_s, TIME_DECIMALS),
        fake_probability=frame.probability,
        faithfulness=None if deletion is None else round(deletion.drop, LOG_ODDS_DECIMALS),
        random_drop=None if deletion is None else round(deletion.random_drop, LOG_ODDS_DECIMALS),
        description=description,
        file=f"{name}.png" if drawn else None,
        original=f"{name}-original.png" if drawn else None,
    )


def _sound_evidence(bundle: Bundle, excerpt: AudioExcerpt, folder: Path) -> Iterator[EvidenceItem]:
    scorer = VoiceScorer(bundle, excerpt.sample)
    if not len(scorer.speech_bins):
        return
    weights = occlusion_importance(scorer)
    deletion = audio_deletion_test(scorer, weights)
    description = (
        f"How much each fifth of a second of speech raises the voice's fake score{_member(bundle)}"
    )
    if deletion is not None:
        description += (
            f": muting the most important fifth of the speech changes the score by "
            f"{-deletion.drop:+.2f} log-odds, muting a random fifth by "
            f"{-deletion.random_drop:+.2f} on average"
        )
    begins_s = excerpt.start_s + scorer.speech_bins * BIN_S
    _write(folder / "sound.png", draw_waveform(excerpt, begins_s, weights))
    yield EvidenceItem(
        kind="sound",
        person=None,
        time_s=round(excerpt.start_s, TIME_DECIMALS),
        fake_probability=excerpt.probability,
        faithfulness=None if deletion is None else round(deletion.drop, LOG_ODDS_DECIMALS),
        random_drop=None if deletion is None else round(deletion.random_drop, LOG_ODDS_DECIMALS),
        description=f"{description}.",
        file="sound.png",
        importance=tuple(zip(begins_s.round(3).tolist(), weights.round(3).tolist(), strict=True)),
    )


def _member(bundle: Bundle) -> str:
    members = len(bundle.members)
    return f" (first of {members} members)" if members > 1 else ""


def _write(path: Path, picture: NDArray[np.uint8]) -> None:
    encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1]
    path.write_bytes(encoded.tobytes())
