"""Clips as an attack leaves them, and who is asked about them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unmask.config import AttackSettings
from unmask.data.torch.evaluation_set import Example
from unmask.models.adversarial import Inputs, PgdConfig, gradient_sign, perturb, pgd
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
    """What is attacked, how far, and by which method; see :mod:`unmask.models.adversarial`."""

    target: str
    epsilon: float
    method: str = GATE_METHOD


def score_under_attack(
    bundle: Bundle,
    examples: Sequence[Example],
    attacks: Sequence[Attack],
    settings: AttackSettings,
) -> dict[str, Logits]:
    """Logits of each clip's first person under each attack, by whom is asked.

    In float32: bfloat16 would hide small gradients and pass for robustness.

    Args:
        examples: Usable ones, see :class:`unmask.data.torch.evaluation_set.Example`.
        attacks: One with ``epsilon`` 0 leaves the clip as it is.

    Returns:
        ``white_box``, and, where there is more than a single detector, ``transfer`` and
        ``final``, each of shape ``(clips, attacks)``.
    """
    device = next(bundle.first_member.parameters()).device
    jury = _ScoringPanel(bundle)
    answers: list[list[list[float]]] = []
    for example in examples:
        batch = collate(example.samples[:1], bundle.settings).to(device)
        is_fake = torch.tensor([example.clip.is_fake], device=device)
        seed = crc32(example.clip.clip_id.encode())
        victim = _TargetClip(bundle.first_member, batch, is_fake, settings, seed)
        jury.set_clip(example.samples[0], batch)
        answers.append([jury.logits(victim.under(each)) for each in attacks])
    logits = np.array(answers)
    return {name: logits[..., column] for column, name in enumerate(jury.views)}


class _TargetClip:
    """One clip and the member that the attacker knows."""

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
        self._signs: dict[str, Inputs] = {}  # the slow part does not depend on epsilon

    def under(self, attack: Attack) -> Batch:
        """The clip as the attack leaves it."""
        asked = (self._detector, self._batch, self._is_fake, attack.target)
        if not attack.epsilon:
            return self._batch
        if attack.method == "pgd":
            return pgd(*asked, attack.epsilon, self._steps())
        if attack.target not in self._signs:
            self._signs[attack.target] = gradient_sign(*asked)
        return perturb(self._batch, self._signs[attack.target], attack.epsilon)

    def _steps(self) -> PgdConfig:
        start = None
        if self._settings.pgd_random_start:
            start = torch.Generator().manual_seed(self._seed)
        return PgdConfig(self._settings.pgd_alpha, self._settings.pgd_steps, start)


class _ScoringPanel:
    """All members and lip-sync; what an attack leaves alone of a clip is encoded once."""

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
        """Go on to another clip."""
        self._sample, self._clean = sample, clean
        self._heard, self._seen = (
            self._ensemble.encode_audio(clean),
            self._ensemble.encode_frames(clean),
        )
        self._sync = self._synced(sample)

    def logits(self, batch: Batch) -> list[float]:
        """What is said of this batch, one for each of ``views``."""
        members = self._members(batch)
        sync = self._sync
        if batch.waveform is not self._clean.waveform:
            heard = batch.waveform[0, : len(self._sample.waveform)].cpu().numpy()
            sync = self._synced(replace(self._sample, waveform=heard))
        calibration = self._bundle.calibration
        final = fuse_with_lipsync(members, sync, calibration.sync_weight)
        found = {
            WHITE_BOX: members[0],
            TRANSFER: members[1 % len(members)],
            FINAL: calibration.for_clip(sync).log_odds(final),
        }
        return [float(found[view]) for view in self.views]

    @torch.inference_mode()
    def _members(self, batch: Batch) -> Logits:
        clean = self._clean
        heard = (
            self._heard if batch.waveform is clean.waveform else self._ensemble.encode_audio(batch)
        )
        seen = self._seen if batch.frames is clean.frames else self._ensemble.encode_frames(batch)
        known = zip(self._ensemble.members, heard, seen, strict=True)
        return np.array([float(member(batch, ears, eyes).logit) for member, ears, eyes in known])

    def _synced(self, sample: ModelInput) -> float | None:
        net = self._bundle.sync
        if net is None or sample.lips is None or not len(sample.waveform):
            return None
        return sync_score(net, sample.lips, sample.waveform, sample.is_speech).probability
