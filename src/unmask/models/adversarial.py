"""Adversarial attacks: FGSM and PGD on faces and sound.

FGSM: Goodfellow, Shlens & Szegedy, "Explaining and Harnessing Adversarial Examples", ICLR 2015.
PGD: Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018.

The detector normalises its inputs itself, so the budget ``epsilon`` applies to the raw input:
pixels of the aligned 224 px face in ``[0, 1]``, and amplitudes in ``[-1, 1]``, independent of the
loudness of the clip. Optical flow is not perturbed and stays that of the clean faces.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from unmask.errors import ConfigError
from unmask.models.collate import Batch
from unmask.models.detector import Detector

FRAMES, AUDIO, BOTH = "frames", "audio", "both"
TARGETS = {FRAMES: ("frames",), AUDIO: ("waveform",), BOTH: ("frames", "waveform")}

Inputs = dict[str, Tensor]  # name of a batch's tensor → values of its shape


@dataclass(frozen=True, slots=True)
class PgdConfig:
    """Step size, number of steps and random start of PGD.

    Attributes:
        alpha: Step size in the unit of ``epsilon``.
        count: Number of steps.
        generator: On the CPU; PGD starts at a random point if given, else at the clean clip.
    """

    alpha: float = 0.01
    count: int = 10
    generator: torch.Generator | None = None


DEFAULT_PGD = PgdConfig()


def fgsm(detector: Detector, batch: Batch, is_fake: Tensor, target: str, epsilon: float) -> Batch:
    """Perturb every value of ``target`` by ``epsilon`` towards the wrong label.

    ``x + epsilon · sign(∂ BCE(logit, is_fake) / ∂x)``, clipped to the range of ``x``. The detector
    runs in evaluation mode and in float32, and is left unchanged.

    Args:
        is_fake: True labels, shape ``(B,)``.
        target: ``frames``, ``audio`` or ``both``.
        epsilon: 0 changes nothing.

    Returns:
        The perturbed batch; padding is unchanged.

    Raises:
        ConfigError: ``target`` is unknown.
    """
    return AttackProblem(detector, batch, is_fake, target).fgsm(epsilon)


def pgd(
    detector: Detector,
    batch: Batch,
    is_fake: Tensor,
    target: str,
    epsilon: float,
    steps: PgdConfig = DEFAULT_PGD,
) -> Batch:
    """Perturb ``target`` by gradient ascent, projected to within ``epsilon`` of the clean batch.

    Each clip keeps the point of highest loss among all points visited. A single step of size
    ``epsilon`` is one of them, so without a random start PGD is never weaker than FGSM.

    Arguments, result and errors are those of :func:`fgsm`, and:

    Args:
        steps: Number and size of the steps; a generator makes the start random.
    """
    return AttackProblem(detector, batch, is_fake, target).pgd(epsilon, steps)


def gradient_sign(detector: Detector, batch: Batch, is_fake: Tensor, target: str) -> Inputs:
    """Return the sign of the loss gradient: -1, 0 or 1 per value of ``target``.

    Raises:
        ConfigError: ``target`` is unknown.
    """
    return AttackProblem(detector, batch, is_fake, target).clean_losses_and_signs()[1]


def perturb(batch: Batch, signs: Inputs, step: float) -> Batch:
    """Move the batch by ``step`` along ``signs``, clipped to the range of its values."""
    return _with_values(batch, {name: getattr(batch, name) + step * signs[name] for name in signs})


def project(batch: Batch, clean: Batch, epsilon: float) -> Batch:
    """Return the nearest batch whose values are within ``epsilon`` of those of ``clean``."""
    projected = {}
    for name in TARGETS[BOTH]:
        values, centre = getattr(batch, name), getattr(clean, name)
        if values is not centre:
            upper = torch.minimum(values, centre + epsilon)
            projected[name] = torch.maximum(upper, centre - epsilon)
    return _with_values(clean, projected)


class AttackProblem:
    """A batch and its true labels, to be attacked with several budgets and methods.

    Inputs that are not attacked are encoded once, and the gradient at the clean batch, from which
    every attack without a random start sets out, is computed once.

    Arguments and errors are those of :func:`fgsm`.
    """

    def __init__(self, detector: Detector, batch: Batch, is_fake: Tensor, target: str) -> None:
        if target not in TARGETS:
            raise ConfigError(f"attack target is {target!r}; use one of {', '.join(TARGETS)}")
        self.detector, self.batch, self.is_fake = detector, batch, is_fake.float()
        self.names = TARGETS[target]
        self._frame_features: Tensor | None = None
        self._audio_features: tuple[Tensor, Tensor] | None = None
        self._clean: tuple[Tensor, Inputs] | None = None
        self._is_encoded = False

    def fgsm(self, epsilon: float) -> Batch:
        """Return the batch that :func:`fgsm` describes."""
        if not epsilon:
            return self.batch
        return perturb(self.batch, self.clean_losses_and_signs()[1], epsilon)

    def pgd(self, epsilon: float, steps: PgdConfig) -> Batch:
        """Return the batch that :func:`pgd` describes."""
        if not epsilon:
            return self.batch
        with _evaluation_mode(self.detector):
            if steps.generator is None:
                point, (losses, signs) = self.batch, self.clean_losses_and_signs()
            else:
                point = _random_start(self, epsilon, steps)
                losses, signs = self.losses_and_signs(point)
            best = _Best(self, point, losses)
            best.update(project(perturb(point, signs, epsilon), self.batch, epsilon))
            for step in range(steps.count):
                point = project(perturb(point, signs, steps.alpha), self.batch, epsilon)
                if step == steps.count - 1:
                    best.update(point)
                else:
                    losses, signs = self.losses_and_signs(point)
                    best.update(point, losses)
        return best.batch

    def clean_losses_and_signs(self) -> tuple[Tensor, Inputs]:
        """Return :meth:`losses_and_signs` of the clean batch."""
        if self._clean is None:
            with _evaluation_mode(self.detector):
                self._clean = self.losses_and_signs(self.batch)
        return self._clean

    @torch.no_grad()
    def _encode_the_rest(self) -> None:
        """Encode what is not attacked."""
        if self._is_encoded:
            return
        if "frames" not in self.names:
            self._frame_features = self.detector.encode_frames(self.batch)
        if "waveform" not in self.names:
            self._audio_features = self.detector.voice(
                self.batch.waveform, self.batch.sample_mask, self.batch.speech_mask
            )
        self._is_encoded = True

    def losses(self, batch: Batch) -> Tensor:
        """Return the loss of each clip, shape ``(B,)``."""
        self._encode_the_rest()
        logit = self.detector(batch, self._audio_features, self._frame_features).logit
        return F.binary_cross_entropy_with_logits(logit, self.is_fake, reduction="none")

    def losses_and_signs(self, batch: Batch) -> tuple[Tensor, Inputs]:
        """Return the losses and the signs of their gradient, 0 for unused inputs."""
        inputs = [getattr(batch, name).detach().clone().requires_grad_() for name in self.names]
        with torch.enable_grad():
            losses = self.losses(batch.replace(**dict(zip(self.names, inputs, strict=True))))
            gradients = torch.autograd.grad(losses.sum(), inputs, allow_unused=True)
        signs = {
            name: torch.zeros_like(value) if gradient is None else gradient.sign()
            for name, value, gradient in zip(self.names, inputs, gradients, strict=True)
        }
        return losses.detach(), signs


class _Best:
    """Point of highest loss so far for each clip of a batch."""

    def __init__(self, problem: AttackProblem, batch: Batch, losses: Tensor) -> None:
        self.batch, self._problem, self._losses = batch, problem, losses

    @torch.no_grad()
    def update(self, batch: Batch, losses: Tensor | None = None) -> None:
        """Adopt the clips whose loss is higher; losses are computed unless given."""
        losses = self._problem.losses(batch) if losses is None else losses
        higher = losses > self._losses
        self._losses = torch.where(higher, losses, self._losses)
        values = {}
        for name in self._problem.names:
            new, old = getattr(batch, name), getattr(self.batch, name)
            values[name] = torch.where(higher.view(-1, *[1] * (new.ndim - 1)), new, old)
        self.batch = self.batch.replace(**values)


@contextmanager
def _evaluation_mode(detector: Detector) -> Iterator[None]:
    """Switch to evaluation mode and float32 inside the block."""
    was_training = detector.training
    detector.eval()
    try:
        with torch.autocast(next(detector.parameters()).device.type, enabled=False):
            yield
    finally:
        detector.train(was_training)


def _random_start(problem: AttackProblem, epsilon: float, steps: PgdConfig) -> Batch:
    """Draw a point uniformly from the ``epsilon`` cube around the clean batch."""
    values = {}
    for name in problem.names:
        clean = getattr(problem.batch, name)
        shift = torch.rand(clean.shape, generator=steps.generator).to(clean.device)
        values[name] = clean + epsilon * (2 * shift - 1)
    return _with_values(problem.batch, values)


def _with_values(batch: Batch, values: Inputs) -> Batch:
    """Return the batch with ``values`` clipped to their range; padding is unchanged."""
    clipped = {}
    for name, value in values.items():
        if name == "frames":
            low, mask = 0.0, batch.frame_mask[..., None, None, None]
        else:
            low, mask = -1.0, batch.sample_mask
        clipped[name] = torch.where(mask, value.clamp(low, 1.0), getattr(batch, name))
    return batch.replace(**clipped)
