"""Measurement of the attack flag: threshold on validation, rates on the test clips.

FGSM alone is measured, as it costs one gradient a clip. An attacker who knows the flag evades it
with a smooth perturbation; see `docs/threat-model.md`.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from unmask.data.test_sets import select_headline_clips
from unmask.data.torch.evaluation_set import FeatureLoader
from unmask.evaluation.attack_flag import AttackFlag, FlaggedAttack
from unmask.models.adversarial import FRAMES, AttackProblem
from unmask.models.bundle import Bundle
from unmask.models.collate import collate
from unmask.preprocessing.material.face_roughness import face_roughness
from unmask.records import Clip, ModelInput
from unmask.robustness.usable_clips import UsableClips

EPSILONS = tuple(level / 255 for level in (1, 2, 4, 8))
MAX_ATTACKED = 24  # clips, as the gradient of all would take minutes on a CPU
MIN_CLIPS = 20  # of validation, for a threshold
TAIL = 3.09  # standard deviations; one clip in a thousand lies above, for people who were seen
MIN_CHANGED = 0.01  # share of the pixels that an attack changes at least


def measure_attack_flag(
    bundle: Bundle, clips: Sequence[Clip], load: FeatureLoader
) -> AttackFlag | None:
    """Fit the threshold on the validation clips, and measure the flag on the test clips.

    Logarithms of the roughness are taken as normally distributed.

    Returns:
        ``None`` where too few clips show a face.
    """
    known = _roughness(bundle, [clip for clip in clips if clip.split == "val"], load)
    test = select_headline_clips(clips)
    clean = _roughness(bundle, test, load)
    if "video" not in bundle.settings.modalities or len(known) < MIN_CLIPS or not len(clean):
        return None
    logs = np.log(known)
    threshold = float(np.exp(logs.mean() + TAIL * logs.std(ddof=1)))
    attacked = np.array(list(_attack(bundle, _spread(test), load)))
    return AttackFlag(
        threshold,
        len(known),
        len(clean),
        int((clean > threshold).sum()),
        tuple(_count(attacked, threshold)) if len(attacked) else (),
    )


def _spread(clips: Sequence[Clip]) -> list[Clip]:
    """Return at most ``MAX_ATTACKED`` clips, from all over the split."""
    places = np.linspace(0, len(clips) - 1, min(len(clips), MAX_ATTACKED)).round().astype(int)
    return [clips[place] for place in places]


def _samples(
    bundle: Bundle, clips: Sequence[Clip], load: FeatureLoader
) -> Iterator[tuple[Clip, ModelInput]]:
    """Yield the first person of each clip that shows a face."""
    for example in UsableClips(load, bundle.settings).iterate(clips):
        if len(example.samples[0].faces):
            yield example.clip, example.samples[0]


def _roughness(bundle: Bundle, clips: Sequence[Clip], load: FeatureLoader) -> NDArray[np.float64]:
    return np.array([_median(sample.faces) for _, sample in _samples(bundle, clips, load)])


def _median(faces: NDArray[np.uint8]) -> float:
    return float(np.median([face_roughness(face) for face in faces]))


def _attack(bundle: Bundle, clips: Sequence[Clip], load: FeatureLoader) -> Iterator[list[float]]:
    """Yield the roughness of each attacked clip at each budget, NaN where nothing changes."""
    detector = bundle.first_member
    device = next(detector.parameters()).device
    for clip, sample in _samples(bundle, clips, load):
        batch = collate([sample], bundle.settings).to(device)
        problem = AttackProblem(detector, batch, torch.tensor([clip.is_fake]).to(device), FRAMES)
        changed = (_pixels(problem.fgsm(epsilon).frames) for epsilon in EPSILONS)
        clean = _pixels(batch.frames)
        yield [
            _median(faces) if (faces != clean).mean() >= MIN_CHANGED else np.nan
            for faces in changed
        ]


def _pixels(frames: torch.Tensor) -> NDArray[np.uint8]:
    """Return the faces of the one sample of a batch, as a file would store them."""
    pixels = (frames[0].detach().cpu() * 255).round().clamp(0, 255).byte()
    return np.ascontiguousarray(pixels.permute(0, 2, 3, 1).numpy())


def _count(attacked: NDArray[np.float64], threshold: float) -> Iterator[FlaggedAttack]:
    for epsilon, values in zip(EPSILONS, attacked.T, strict=True):
        known = values[~np.isnan(values)]
        yield FlaggedAttack("fgsm", epsilon, len(known), int((known > threshold).sum()))
