"""Which modalities the training clips can teach a detector; it does not use the others.

FaceForensics++ and Celeb-DF have no sound, and ASVspoof has no picture. A head that never saw both
classes would score at random, or call everything genuine.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Literal

from unmask.config import Settings, TrainingSettings
from unmask.errors import TrainingError
from unmask.records import Clip

STREAMS = {"video": "a picture", "audio": "sound"}
PARTS: dict[str, Literal["face", "voice"]] = {"video": "face", "audio": "voice"}


def untrainable_modalities(
    clips: Sequence[Clip], training: TrainingSettings, modalities: Sequence[str]
) -> dict[str, str]:
    """Return each of ``modalities`` that the ``train`` clips cannot teach, with the reason.

    Parts whose label is unknown, and pairs of face and voice that are mismatched, teach a modality
    as well as labelled ones.

    Raises:
        TrainingError: No modality is left.
    """
    train = [clip for clip in clips if clip.split == "train"]
    reasons = dict(_reasons(train, training, modalities)) if train else {}
    if train and len(reasons) == len(modalities):
        raise TrainingError(
            f"nothing to train on: {'; '.join(reasons.values())}; add genuine and fake clips"
        )
    return reasons


def without_modalities(settings: Settings, names: Collection[str]) -> Settings:
    """Return the settings of a detector without modalities; one of sound has no face heads."""
    if not names:
        return settings
    model = settings.model
    kept = tuple(name for name in model.modalities if name not in names)
    faces = {} if "video" in kept else {"auxiliary": False, "flow": False}
    return settings.replace(model=model.replace(modalities=kept, **faces))


def _reasons(
    train: Sequence[Clip], training: TrainingSettings, modalities: Sequence[str]
) -> Iterator[tuple[str, str]]:
    for name in modalities:
        stream, part = STREAMS[name], PARTS[name]
        having = [clip for clip in train if (clip.has_audio if name == "audio" else clip.width)]
        labels = {True if clip.mismatched else getattr(clip, f"fake_{name}") for clip in having}
        if not having:
            yield name, f"none of {len(train)} training clips has {stream}"
        elif labels == {False} and not training.forges(part):
            yield name, f"none of {len(having)} training clips with {stream} has a forged {part}"
        elif labels == {True}:
            yield name, f"none of {len(having)} training clips with {stream} has a genuine {part}"
