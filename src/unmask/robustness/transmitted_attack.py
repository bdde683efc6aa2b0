"""Attack on the source frames of a fake that is optimised to survive encoding and alignment.

MI-FGSM (Dong et al., "Boosting Adversarial Attacks with Momentum", CVPR 2018): iterated signs of a
gradient with momentum, within an L∞ budget. Each step takes the gradient through another random
draw of :mod:`unmask.robustness.codec_surrogate` (expectation over transformation) and through the
alignment of the faces. Hussain et al., "Adversarial Deepfakes", WACV 2021, attack detectors behind
compression in this way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unmask.config import ModelSettings, PreprocessingSettings, TransmittedSettings
from unmask.data.torch.evaluation_set import slice_frames
from unmask.errors import MediaError
from unmask.models.collate import Batch, collate
from unmask.models.detector import Detector
from unmask.models.ensemble.shared_encoders import AudioFeatures, Ensemble
from unmask.preprocessing.media.frames import iter_sampled_frames
from unmask.preprocessing.prepare import to_model_inputs
from unmask.records import ClipFeatures, FaceTrack, ModelInput
from unmask.robustness.codec_surrogate import (
    draw_codec,
    round_straight_through,
    simulate_codec,
)
from unmask.robustness.face_warp import FaceRegion, find_region
from unmask.robustness.transmitted_video import Perturbation

CHUNK_FRAMES = 16  # optimised at once, so that memory does not grow with the clip
MOMENTUM = 1.0  # as in the paper
STEP_SHARE = 2.5  # all steps together go this many budgets far, as in Madry et al., ICLR 2018
EPS = 1e-12

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class GradientSource:
    """Networks whose gradient the attacker has.

    Attributes:
        members: The goal is the mean of their logits; none draws every sign at random.
        settings: Of the members' inputs.
    """

    members: tuple[Detector, ...]
    settings: ModelSettings


def perturb_clip(
    path: Path,
    features: ClipFeatures,
    source: GradientSource,
    preprocessing: PreprocessingSettings,
    settings: TransmittedSettings,
    seed: int,
) -> tuple[Perturbation, ...]:
    """Perturb the faces of a fake so that it is called genuine; one perturbation per person.

    Args:
        path: Video whose frames are changed.
        features: Of that video, unchanged.
        seed: Seed of the random start and of the codec draws.

    Raises:
        MediaError: The frames that ``features`` tell cannot be decoded again.
    """
    generator = torch.Generator().manual_seed(seed)
    hold_s = 1 / preprocessing.sampling.rate_hz
    tracks = [person.track for person in features.people]
    regions = _read_regions(path, tracks, preprocessing)
    perturbations = []
    for track, sample, (region, pixels) in zip(
        tracks, to_model_inputs(features), regions, strict=True
    ):
        change = _perturb_region(pixels, region, sample, source, settings, generator)
        perturbations.append(Perturbation(track.time_s, region.origins_px, change, hold_s))
    return tuple(perturbations)


def _read_regions(
    path: Path, tracks: Sequence[FaceTrack], preprocessing: PreprocessingSettings
) -> list[tuple[FaceRegion, Pixels]]:
    """Decode the video; return the region of each person and its pixels in the person's frames."""
    places = [{time: place for place, time in enumerate(track.time_s.tolist())} for track in tracks]
    cuts: list[dict[int, Pixels]] = [{} for _ in tracks]
    regions: list[FaceRegion] = []
    for time_s, image in iter_sampled_frames(path, preprocessing.sampling.rate_hz):
        size_px = image.shape[0], image.shape[1]
        regions = regions or [find_region(track, preprocessing.align, size_px) for track in tracks]
        for region, own, person in zip(regions, cuts, places, strict=True):
            if time_s in person:
                own[person[time_s]] = region.cut(image, person[time_s])
    if [len(own) for own in cuts] != [len(track.time_s) for track in tracks]:
        raise MediaError(
            f"{path}: a frame in which a face was found is gone; clear the feature cache"
        )
    pixels = [np.stack([own[place] for place in sorted(own)]) for own in cuts]
    return list(zip(regions, pixels, strict=True))


def _perturb_region(
    pixels: Pixels,
    region: FaceRegion,
    sample: ModelInput,
    source: GradientSource,
    settings: TransmittedSettings,
    generator: torch.Generator,
) -> NDArray[np.int8]:
    """Return the change of one person's region, shape ``(frames, height, width, 3)``."""
    budget = settings.epsilon_levels
    if not source.members:
        signs = torch.randint(0, 2, pixels.shape, generator=generator) * 2 - 1
        return (signs * budget).to(torch.int8).numpy()
    ensemble = Ensemble([member.eval() for member in source.members])
    changes = []
    audio: tuple[AudioFeatures, ...] | None = None
    for start in range(0, len(pixels), CHUNK_FRAMES):
        part = slice(start, start + CHUNK_FRAMES)
        device = next(ensemble.members[0].parameters()).device
        batch = collate([slice_frames(sample, part)], source.settings).to(device)
        if audio is None:
            with torch.no_grad():
                audio = ensemble.encode_audio(batch)
        goal = _Goal(ensemble, batch, audio, region.select(part))
        clean = torch.from_numpy(pixels[part]).to(device).permute(0, 3, 1, 2).float()
        changes.append(_optimise(goal, clean, settings, generator).permute(0, 2, 3, 1))
    return torch.cat(changes).to("cpu", torch.int8).contiguous().numpy()


@dataclass(frozen=True, slots=True)
class _Goal:
    """What the attacker lowers, for some of a person's frames.

    Attributes:
        batch: These faces and all of the sound.
        audio: The sound's features by each member; it is not attacked.
        region: Region of the faces in the source frames.
    """

    ensemble: Ensemble
    batch: Batch
    audio: Sequence[AudioFeatures]
    region: FaceRegion

    def logit(self, pixels: Tensor) -> Tensor:
        """Return the mean logit of the members.

        Args:
            pixels: Decoded region in grey levels, shape ``(frames, 3, height, width)``.
        """
        faces = round_straight_through(self.region.warp(pixels)) / 255
        batch = self.batch.replace(frames=faces[None])
        frames = self.ensemble.encode_frames(batch)
        inputs = zip(self.ensemble.members, self.audio, frames, strict=True)
        logits = [member(batch, voice, face).logit for member, voice, face in inputs]
        return torch.stack(logits).mean()


def _optimise(
    goal: _Goal, clean: Tensor, settings: TransmittedSettings, generator: torch.Generator
) -> Tensor:
    """Return whole grey levels to add to ``clean``, of its shape."""
    budget = settings.epsilon_levels
    step = STEP_SHARE * budget / settings.steps
    start = torch.rand(clean.shape, generator=generator).to(clean.device) * 2 - 1
    change, velocity = budget * start, torch.zeros_like(clean)
    for _ in range(settings.steps):
        gradient = torch.zeros_like(clean)
        for _ in range(settings.draws):
            gradient += _gradient(goal, clean, change, generator)
        velocity = MOMENTUM * velocity + gradient / (gradient.abs().mean() + EPS)
        change = (change - step * velocity.sign()).clamp(-budget, budget)
        change = (clean + change).clamp(0, 255) - clean
    return change.round()


def _gradient(goal: _Goal, clean: Tensor, change: Tensor, generator: torch.Generator) -> Tensor:
    """Return the gradient of the logit by the change, through one random codec."""
    variable = change.detach().clone().requires_grad_()
    with torch.enable_grad(), torch.autocast(clean.device.type, enabled=False):
        uploaded = round_straight_through((clean + variable).clamp(0, 255))
        logit = goal.logit(simulate_codec(uploaded, draw_codec(generator)))
        (gradient,) = torch.autograd.grad(logit, variable)
    return gradient
