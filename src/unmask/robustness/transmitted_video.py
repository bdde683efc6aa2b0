"""Perturbed videos: a change of the face region of a file's frames, and their encoding.

The perturbation is added to the pixels that are uploaded: whole grey levels, clipped to 0 and 255.
What happens then happens to every upload: H.264, decoding and the ordinary preprocessing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.config import PreprocessingSettings
from unmask.config.codec_conditions import CodecCondition
from unmask.errors import describe_problem
from unmask.preprocessing.prepare import prepare_clip
from unmask.preprocessing.transcode import encode_changed
from unmask.records import Clip, ClipFeatures

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Perturbation:
    """Change of one person's face region, in the frames that the detector samples.

    Attributes:
        time_s: Time of each frame, ascending, shape ``(frames,)``.
        origins_px: Left and top corner of the region in each frame, shape ``(frames, 2)``.
        change: Grey levels that are added, int8, shape ``(frames, height, width, 3)``.
        hold_s: Frames that are not sampled get the change of the nearest sampled one, if it is no
            further away.
    """

    time_s: NDArray[np.float64]
    origins_px: NDArray[np.int64]
    change: NDArray[np.int8]
    hold_s: float


def apply_perturbations(
    image: Pixels, time_s: float, perturbations: Sequence[Perturbation], epsilon_levels: int
) -> Pixels:
    """Add the perturbations of all people to one frame.

    Args:
        image: RGB, shape ``(height, width, 3)``.
        epsilon_levels: No value changes by more, where faces overlap neither.
    """
    total = np.zeros(image.shape, np.int16)
    for person in perturbations:
        nearest = int(np.argmin(np.abs(person.time_s - time_s)))
        if abs(person.time_s[nearest] - time_s) > person.hold_s:
            continue
        left, top = person.origins_px[nearest]
        height, width = person.change.shape[1:3]
        part = total[top : top + height, left : left + width]  # odd sides lose a row or column
        part += person.change[nearest][: part.shape[0], : part.shape[1]]
    changed = image + total.clip(-epsilon_levels, epsilon_levels)
    return changed.clip(0, 255).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Upload:
    """A clip as it is uploaded, and the encoding that it passes.

    Attributes:
        perturbations: File of :func:`save_perturbations`; ``None`` leaves the clip unchanged.
        target: File to write and to remove again.
    """

    clip: Clip
    condition: CodecCondition
    target: Path
    perturbations: Path | None = None
    epsilon_levels: int = 0


@dataclass(frozen=True, slots=True)
class Arrival:
    """Features of a clip behind the encoding; ``None`` with the error if there are none."""

    clip_id: str
    features: ClipFeatures | None
    error: str = ""


def transmit(upload: Upload, settings: PreprocessingSettings) -> Arrival:
    """Perturb a clip, encode it, and preprocess the encoded file without any cache."""
    clip = upload.clip
    try:
        people = [] if upload.perturbations is None else load_perturbations(upload.perturbations)

        def change(time_s: float, image: Pixels) -> Pixels:
            return apply_perturbations(image, time_s, people, upload.epsilon_levels)

        encode_changed(clip.path, upload.condition, upload.target, change)
        return Arrival(clip.clip_id, prepare_clip(upload.target, settings))
    except Exception as error:  # a bug that one clip triggers must not stop the whole evaluation
        return Arrival(clip.clip_id, None, describe_problem(clip.path, error))
    finally:
        upload.target.unlink(missing_ok=True)


def save_perturbations(path: Path, people: Sequence[Perturbation]) -> None:
    """Store perturbations for :func:`load_perturbations`, which may run in another process."""
    arrays: dict[str, NDArray[np.generic]] = {"people": np.array(len(people))}
    for number, person in enumerate(people):
        for name in Perturbation.__dataclass_fields__:
            arrays[f"{number}.{name}"] = np.asarray(getattr(person, name))
    with path.open("wb") as stream:
        np.savez(stream, **arrays)


def load_perturbations(path: Path) -> list[Perturbation]:
    """Read what :func:`save_perturbations` stored."""
    with np.load(path) as stored:
        return [
            Perturbation(
                time_s=stored[f"{number}.time_s"],
                origins_px=stored[f"{number}.origins_px"],
                change=stored[f"{number}.change"],
                hold_s=float(stored[f"{number}.hold_s"]),
            )
            for number in range(int(stored["people"]))
        ]
