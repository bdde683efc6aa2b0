"""What a person who has to decide can look at: pictures, and how far they can be trusted."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.explainability import audio_occlusion, deletion_test
from unmask.explainability.cam_layer import find_cam_layer
from unmask.explainability.gradcam import FrameScorer, grad_cam
from unmask.explainability.overlay import overlay
from unmask.explainability.top_moments import AudioExcerpt, FrameCandidate, TopMoments
from unmask.explainability.waveform_plot import draw_waveform
from unmask.models.bundle import Bundle
from unmask.models.calibration.segments import BIN_S
from unmask.preprocessing.media.seek import read_frames_at

PLACES = 4  # digits of a log-odds


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    """One thing to look at.

    Attributes:
        kind: ``heat_map`` of a frame, or ``sound`` over time.
        person: ``None`` for sound.
        time_s: Where in the video; where sound begins.
        fake_probability: Of what is shown.
        faithfulness: Fall of the score, in log-odds, without the part that is pointed at.
        random_drop: The same without as much elsewhere, on average.
        file: Name of the picture; ``None`` where it could not be fetched from the video again.
        original: Name of the same picture with nothing drawn into it.
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
    bundle: Bundle, path: Path, suspects: TopMoments, folder: Path
) -> tuple[EvidenceItem, ...]:
    """Draw the highest scoring frames of each person, and the sound, into ``folder``.

    Its cost does not grow with the video: at most ``FRAMES`` frames of ``PEOPLE`` people, each
    with one gradient pass, and ``STRETCH_S`` of sound. Of an ensemble the first member is asked.

    Args:
        path: The video that ``suspects`` were seen in.
        folder: Made where it is missing; files of the same name are replaced.

    Returns:
        Frames person by person, highest first, then the sound.

    Raises:
        ConfigError: The frame backbone has no layer that lies over the face.
        MediaError: The video cannot be opened any more.
    """
    folder.mkdir(parents=True, exist_ok=True)
    named = {
        f"person{person}-frame-{rank}": suspect
        for person, frames in sorted(suspects.people.items())
        for rank, suspect in enumerate(frames, start=1)
    }
    heats = dict(_heats(bundle, named))
    drawn = _draw(path, named, heats, folder)
    exhibits = [
        _of_frame(bundle, name, suspect, heats[name], name in drawn)
        for name, suspect in named.items()
    ]
    if suspects.sound is not None:
        exhibits += _of_sound(bundle, suspects.sound, folder)
    return tuple(exhibits)


@dataclass(frozen=True, slots=True)
class _Heat:
    heat: NDArray[np.float32]
    deletion: deletion_test.Deletion | None


def _heats(bundle: Bundle, named: dict[str, FrameCandidate]) -> Iterator[tuple[str, _Heat]]:
    layer = None
    for name, suspect in named.items():
        judge = FrameScorer(bundle, suspect)
        layer = layer or find_cam_layer(bundle.first_member.frame.backbone, judge.score)
        heat = grad_cam(judge, layer)
        yield name, _Heat(heat, deletion_test.deletion(judge, heat, suspect.landmarks))


def _draw(
    path: Path, named: dict[str, FrameCandidate], heats: dict[str, _Heat], folder: Path
) -> set[str]:
    """Write the pictures; gives the names of those whose frame was found again."""
    drawn: set[str] = set()
    for time_s, picture in read_frames_at(path, [one.time_s for one in named.values()]):
        for name, suspect in named.items():
            if suspect.time_s == time_s:
                with_heat, without = overlay(picture, suspect, heats[name].heat)
                _write(folder / f"{name}.png", with_heat)
                _write(folder / f"{name}-original.png", without)
                drawn.add(name)
    return drawn


def _of_frame(
    bundle: Bundle, name: str, suspect: FrameCandidate, heat: _Heat, drawn: bool
) -> EvidenceItem:
    found = heat.deletion
    words = f"Where in the face the frame model{_member(bundle)} sees what speaks for a fake"
    if found is None:
        words += "; in this frame it sees nothing of the kind."
    else:
        words += (
            f": blurring the highlighted fifth of the face moves its score by {-found.drop:+.2f} "
            f"log-odds, as much elsewhere by {-found.random_drop:+.2f} on average."
        )
    return EvidenceItem(
        kind="heat_map",
        person=suspect.person,
        time_s=suspect.time_s,
        fake_probability=suspect.probability,
        faithfulness=None if found is None else round(found.drop, PLACES),
        random_drop=None if found is None else round(found.random_drop, PLACES),
        description=words,
        file=f"{name}.png" if drawn else None,
        original=f"{name}-original.png" if drawn else None,
    )


def _of_sound(bundle: Bundle, stretch: AudioExcerpt, folder: Path) -> Iterator[EvidenceItem]:
    judge = audio_occlusion.VoiceScorer(bundle, stretch.heard)
    if not len(judge.spoken):
        return
    weights = audio_occlusion.occlusion_importance(judge)
    found = audio_occlusion.deletion(judge, weights)
    words = f"How much each fifth of a second of speech makes the voice sound fake{_member(bundle)}"
    if found is not None:
        words += (
            f": muting the most important fifth of speech moves its score by {-found.drop:+.2f} "
            f"log-odds, as much elsewhere by {-found.random_drop:+.2f} on average"
        )
    begins_s = stretch.start_s + judge.spoken * BIN_S
    _write(folder / "sound.png", draw_waveform(stretch, begins_s, weights))
    yield EvidenceItem(
        kind="sound",
        person=None,
        time_s=stretch.start_s,
        fake_probability=stretch.probability,
        faithfulness=None if found is None else round(found.drop, PLACES),
        random_drop=None if found is None else round(found.random_drop, PLACES),
        description=f"{words}.",
        file="sound.png",
        importance=tuple(zip(begins_s.round(3).tolist(), weights.round(3).tolist(), strict=True)),
    )


def _member(bundle: Bundle) -> str:
    members = len(bundle.members)
    return f" (the first of {members} members)" if members > 1 else ""


def _write(path: Path, picture: NDArray[np.uint8]) -> None:
    encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1]
    path.write_bytes(encoded.tobytes())
