"""Adversarial examples and their scores under each view of the threat model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unmask.config import AttackSettings
from unmask.data.torch.evaluation_set import Example
from unmask.models.adversarial import AttackProblem, PgdConfig
from unmask.models.bundle import Bundle
from unmask.models.collate import Batch, collate
from unmask.models.detector import Detector
from unmask.models.ensemble.pooling import fuse_with_lipsync
from unmask.models.ensemble.shared_encoders import Ensemble
from unmask.models.lipsync.scoring import sync_score
from unmask.records import ModelInput
from unmask.robustness.adversarial_report import FINAL, GATE_METHOD, TRANSFER, WHITE_BOX

Logits = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Attack:
    """Target, budget and method of an attack; see :mod:`unmask.models.adversarial`."""

    target: str
    epsilon: float
    method: str = GATE_METHOD


def score_under_attack(
    bundle: Bundle,
    examples: Iterable[Example],
    attacks: Sequence[Attack],
    settings: AttackSettings,
) -> dict[str, Logits]:
    """Score the first person of each clip under each attack.

    Scores are float32: bfloat16 would hide small gradients and look like robustness.

    Args:
        examples: Usable ones, see :class:`unmask.data.torch.evaluation_set.Example`.
        attacks: One with ``epsilon`` 0 leaves the clip unchanged.

    Returns:
        View to logits, shape ``(clips, attacks)``: ``white_box``, ``transfer`` with several
        members, ``final`` with several members or lip-sync.
    """
    device = next(bundle.first_member.parameters()).device
    panel = _ScoringPanel(bundle)
    logits: list[list[list[float]]] = []
    for example in examples:
        batch = collate(example.samples[:1], bundle.settings).to(device)
        is_fake = torch.tensor([example.clip.is_fake], device=device)
        seed = crc32(example.clip.clip_id.encode())
        target = _TargetClip(bundle.first_member, batch, is_fake, settings, seed)
        panel.set_clip(example.samples[0], batch)
        logits.append([panel.logits(target.attacked(attack)) for attack in attacks])
    by_view = np.array(logits)
    return {view: by_view[..., index] for index, view in enumerate(panel.views)}


class _TargetClip:
    """A clip with the member that the attacker knows."""

    def __init__(
        self,
        detector: Detector,
        batch: Batch,
        is_fake: Tensor,
        settings: AttackSettings,
        seed: int,
    ) -> None:
        self._detector, self._batch, self._is_fake = detector, batch, is_fake
        self._settings, self._seed = settings, seed
        self._problems: dict[str, AttackProblem] = {}  # the same for all budgets and methods

    def attacked(self, attack: Attack) -> Batch:
        """Return the adversarial example of the clip."""
        if not attack.epsilon:
            return self._batch
        if attack.target not in self._problems:
            problem = AttackProblem(self._detector, self._batch, self._is_fake, attack.target)
            self._problems[attack.target] = problem
        if attack.method == "pgd":
            return self._problems[attack.target].pgd(attack.epsilon, self._pgd_config())
        return self._problems[attack.target].fgsm(attack.epsilon)

    def _pgd_config(self) -> PgdConfig:
        generator = None
        if self._settings.pgd_random_start:
            generator = torch.Generator().manual_seed(self._seed)
        return PgdConfig(self._settings.pgd_alpha, self._settings.pgd_steps, generator)


class _ScoringPanel:
    """All members and lip-sync; inputs that an attack leaves unchanged are encoded once."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._ensemble = Ensemble([member.eval() for member in bundle.members])
        self.views: tuple[str, ...] = (WHITE_BOX,)
        if len(bundle.members) > 1:
            self.views += (TRANSFER,)
        if len(bundle.members) > 1 or bundle.sync is not None:
            self.views += (FINAL,)

    @torch.inference_mode()
    def set_clip(self, sample: ModelInput, clean: Batch) -> None:
        """Select the clip whose attacked batches :meth:`logits` scores."""
        self._sample, self._clean = sample, clean
        self._audio_features = self._ensemble.encode_audio(clean)
        self._frame_features = self._ensemble.encode_frames(clean)
        self._sync_probability = self._score_sync(sample)

    def logits(self, batch: Batch) -> list[float]:
        """Score an attacked batch of the clip, one logit per entry of ``views``."""
        members = self._member_logits(batch)
        sync = self._sync_probability
        if batch.waveform is not self._clean.waveform:
            waveform = batch.waveform[0, : len(self._sample.waveform)].cpu().numpy()
            sync = self._score_sync(replace(self._sample, waveform=waveform))
        calibration = self._bundle.calibration
        final = fuse_with_lipsync(members, sync, calibration.sync_weight)
        by_view = {
            WHITE_BOX: members[0],
            TRANSFER: members[1 % len(members)],
            FINAL: calibration.for_clip(sync).log_odds(final),
        }
        return [float(by_view[view]) for view in self.views]

    @torch.inference_mode()
    def _member_logits(self, batch: Batch) -> Logits:
        """Return the logit of each member, shape ``(members,)``."""
        audio, frames = self._audio_features, self._frame_features
        if batch.waveform is not self._clean.waveform:
            audio = self._ensemble.encode_audio(batch)
        if batch.frames is not self._clean.frames:
            frames = self._ensemble.encode_frames(batch)
        inputs = zip(self._ensemble.members, audio, frames, strict=True)
        return np.array([float(member(batch, voice, face).logit) for member, voice, face in inputs])

    def _score_sync(self, sample: ModelInput) -> float | None:
        net = self._bundle.sync
        if net is None or sample.lips is None or not len(sample.waveform):
            return None
        return sync_score(net, sample.lips, sample.waveform, sample.is_speech).probability
