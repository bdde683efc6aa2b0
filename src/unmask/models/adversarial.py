"""Gradient attacks: the smallest change of the input that makes the detector wrong.

FGSM: Goodfellow, Shlens & Szegedy, "Explaining and Harnessing Adversarial Examples", ICLR 2015.
PGD: Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018.

The detector normalises inside itself, so a budget ``epsilon`` is measured on what is put in:
pixels of the aligned 224 px face in ``[0, 1]``, and amplitudes of the sound with full scale 1,
whatever the loudness of the clip. Flow is not perturbed, and stays that of the clean faces.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from unmask.config.validators import among
from unmask.models.collate import Batch
from unmask.models.detector import Detector

FRAMES, AUDIO, BOTH = "frames", "audio", "both"
TARGETS = {FRAMES: ("frames",), AUDIO: ("waveform",), BOTH: ("frames", "waveform")}

Inputs = dict[str, Tensor]  # name of a batch's tensor → values of its shape


@dataclass(frozen=True, slots=True)
class PgdConfig:
    """How PGD walks: ``count`` steps of ``alpha``, from a random point if there is a generator.

    Attributes:
        alpha: In the unit of ``epsilon``.
        generator: On the CPU.
    """

    alpha: float = 0.01
    count: int = 10
    generator: torch.Generator | None = None


STANDARD = PgdConfig()


def fgsm(detector: Detector, batch: Batch, is_fake: Tensor, target: str, epsilon: float) -> Batch:
    """Push every value of ``target`` by ``epsilon`` towards the wrong answer.

    ``x + epsilon · sign(∂ BCE(logit, is_fake) / ∂x)``, then clipped to the range of ``x``.
    The detector is asked in evaluation mode and in float32, and is left as it was.

    Args:
        is_fake: True labels, shape ``(B,)``.
        target: ``frames``, ``audio`` or ``both``.
        epsilon: 0 changes nothing.

    Returns:
        The attacked batch; padding is as it was.

    Raises:
        ConfigError: There is no such target.
    """
    if not epsilon:
        return batch
    return perturb(batch, gradient_sign(detector, batch, is_fake, target), epsilon)


def pgd(
    detector: Detector,
    batch: Batch,
    is_fake: Tensor,
    target: str,
    epsilon: float,
    steps: PgdConfig = STANDARD,
) -> Batch:
    """Walk uphill in small steps, and never further than ``epsilon`` from where it began.

    Of all points seen, each clip keeps the one of the highest loss. A single step of the
    whole budget is one of them, so from the clean clip PGD is never weaker than FGSM.

    Args:
        is_fake: True labels, shape ``(B,)``.
        target: ``frames``, ``audio`` or ``both``.
        epsilon: 0 changes nothing.

    Returns:
        The attacked batch; padding is as it was.

    Raises:
        ConfigError: There is no such target.
    """
    if not epsilon:
        return batch
    with _asked(detector):
        question = _AttackProblem(detector, batch, is_fake, target)
        at = batch if steps.generator is None else _random_start(question, epsilon, steps.generator)
        losses, signs = question.slope(at)
        best = _Best(question, at, losses)
        best.see(project(perturb(at, signs, epsilon), batch, epsilon))
        for step in range(steps.count):
            at = project(perturb(at, signs, steps.alpha), batch, epsilon)
            if step == steps.count - 1:
                best.see(at)
            else:
                losses, signs = question.slope(at)
                best.see(at, losses)
    return best.batch


def gradient_sign(detector: Detector, batch: Batch, is_fake: Tensor, target: str) -> Inputs:
    """Towards the wrong answer: -1, 0 or 1 per value of ``target``; the same for every epsilon.

    Raises:
        ConfigError: There is no such target.
    """
    with _asked(detector):
        return _AttackProblem(detector, batch, is_fake, target).slope(batch)[1]


def perturb(batch: Batch, signs: Inputs, step: float) -> Batch:
    """The batch moved by ``step`` along ``signs``, within the range of each of its values."""
    return _moved(batch, {name: getattr(batch, name) + step * signs[name] for name in signs})


def project(batch: Batch, clean: Batch, epsilon: float) -> Batch:
    """The nearest batch that is nowhere further than ``epsilon`` from ``clean``."""
    pulled = {}
    for name in TARGETS[BOTH]:
        here, there = getattr(batch, name), getattr(clean, name)
        if here is not there:
            pulled[name] = torch.maximum(torch.minimum(here, there + epsilon), there - epsilon)
    return _moved(clean, pulled)


class _AttackProblem:
    """A batch and its true labels; what the attack leaves alone is encoded once."""

    def __init__(self, detector: Detector, batch: Batch, is_fake: Tensor, target: str) -> None:
        among("attacks.targets", target, tuple(TARGETS))
        self.detector, self.batch, self.is_fake = detector, batch, is_fake.float()
        self.names = TARGETS[target]
        self._seen: Tensor | None = None
        self._heard: tuple[Tensor, Tensor] | None = None
        with torch.no_grad():
            if "frames" not in self.names:
                self._seen = detector.encode_frames(batch)
            if "waveform" not in self.names:
                self._heard = detector.voice(batch.waveform, batch.sample_mask, batch.speech_mask)

    def losses(self, batch: Batch) -> Tensor:
        """Of each clip, shape ``(B,)``."""
        logit = self.detector(batch, self._heard, self._seen).logit
        return F.binary_cross_entropy_with_logits(logit, self.is_fake, reduction="none")

    def slope(self, batch: Batch) -> tuple[Tensor, Inputs]:
        """Losses, and the signs of their gradient; zero where the detector does not look."""
        inputs = [getattr(batch, name).detach().clone().requires_grad_() for name in self.names]
        with torch.enable_grad():
            losses = self.losses(batch.replace(**dict(zip(self.names, inputs, strict=True))))
            slopes = torch.autograd.grad(losses.sum(), inputs, allow_unused=True)
        signs = {
            name: torch.zeros_like(value) if slope is None else slope.sign()
            for name, value, slope in zip(self.names, inputs, slopes, strict=True)
        }
        return losses.detach(), signs


class _Best:
    """For each clip of a batch, the point of the highest loss seen so far."""

    def __init__(self, question: _AttackProblem, batch: Batch, losses: Tensor) -> None:
        self.batch, self._question, self._losses = batch, question, losses

    @torch.no_grad()
    def see(self, batch: Batch, losses: Tensor | None = None) -> None:
        """Take over the clips whose loss is higher; it is worked out if it is not given."""
        losses = self._question.losses(batch) if losses is None else losses
        higher = losses > self._losses
        self._losses = torch.where(higher, losses, self._losses)
        kept = {}
        for name in self._question.names:
            new, old = getattr(batch, name), getattr(self.batch, name)
            kept[name] = torch.where(higher.view(-1, *[1] * (new.ndim - 1)), new, old)
        self.batch = self.batch.replace(**kept)


@contextmanager
def _asked(detector: Detector) -> Iterator[None]:
    """Evaluation mode and float32; afterwards all is as it was."""
    was_training = detector.training
    detector.eval()
    try:
        with torch.autocast(next(detector.parameters()).device.type, enabled=False):
            yield
    finally:
        detector.train(was_training)


def _random_start(question: _AttackProblem, epsilon: float, generator: torch.Generator) -> Batch:
    """A random point within the budget, each value moved by itself."""
    moved = {}
    for name in question.names:
        clean = getattr(question.batch, name)
        shift = torch.rand(clean.shape, generator=generator).to(clean.device)
        moved[name] = clean + epsilon * (2 * shift - 1)
    return _moved(question.batch, moved)


def _moved(batch: Batch, values: Inputs) -> Batch:
    """The batch with ``values`` in place of its own, clipped to their range; padding stays."""
    fitted = {}
    for name, value in values.items():
        if name == "frames":
            low, mask = 0.0, batch.frame_mask[..., None, None, None]
        else:
            low, mask = -1.0, batch.sample_mask
        fitted[name] = torch.where(mask, value.clamp(low, 1.0), getattr(batch, name))
    return batch.replace(**fitted)
