"""How much of a detector's skill survives an adversary.

The attacker works on the first member of the ensemble; see
:class:`unmask.robustness.report.ThreatModel` for what that says and what it does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor

from unmask.config import AttackSettings
from unmask.data.clips import Example, Load, WholeClips, batch_examples, cached
from unmask.errors import DataError
from unmask.evaluation.metrics import roc_auc
from unmask.models.attack import Inputs, Steps, direction, pgd, push
from unmask.models.batch import Batch
from unmask.models.bundle import Bundle
from unmask.models.detector import Detector
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.robustness.report import (
    ENSEMBLE,
    GATE_METHOD,
    TRANSFER,
    WHITE_BOX,
    AttackRow,
    RobustnessReport,
)

Logits = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Attack:
    """What is attacked, how far, and by which method; see :mod:`unmask.models.attack`."""

    target: str
    epsilon: float
    method: str = GATE_METHOD


def attack(
    bundle: Bundle,
    clips: Sequence[Clip],
    cache: Cache | None,
    settings: AttackSettings,
    split: str = "test",
) -> RobustnessReport:
    """Attack every clip of ``split`` and measure the AUC again.

    Raises:
        DataError: No clip of the split can be used.
        SingleClassError: They are all genuine, or all fake.
        ConfigError: A target does not exist.
    """
    chosen = [clip for clip in clips if clip.split == split]
    return attack_features(bundle, chosen, cached(bundle.preprocessing, cache), settings)


def attack_features(
    bundle: Bundle, clips: Sequence[Clip], load: Load, settings: AttackSettings
) -> RobustnessReport:
    """Like :func:`attack` on all of ``clips``, with the features of a clip from ``load``."""
    whole = WholeClips(clips, load)
    examples = [item for item in (whole[n] for n in range(len(whole))) if item.samples]
    if not examples:
        raise DataError(f"none of {len(clips)} clips can be attacked; check the split")
    named = product(settings.methods, settings.targets, settings.epsilons)
    attacks = [Attack(target, epsilon, method) for method, target, epsilon in named]
    logits = attacked_logits(bundle, examples, [Attack("frames", 0.0), *attacks], settings)
    is_fake = np.array([item.clip.is_fake for item in examples])
    rows = []
    for view, scores in _views(logits).items():
        clean, *aucs = (roc_auc(column, is_fake) for column in scores.T)
        rows += [
            AttackRow(each.target, each.epsilon, auc, clean - auc, each.method, view)
            for each, auc in zip(attacks, aucs, strict=True)
        ]
    return RobustnessReport(
        split=examples[0].clip.split,
        clips=len(examples),
        clean_auc=roc_auc(logits[:, 0, 0], is_fake),
        rows=tuple(rows),
        pgd=_in_words(settings) if "pgd" in settings.methods else "",
    )


def attacked_logits(
    bundle: Bundle,
    examples: Sequence[Example],
    attacks: Sequence[Attack],
    settings: AttackSettings,
) -> Logits:
    """Logits of each clip's first person under each attack, by every member.

    In float32: bfloat16 would hide small gradients and pass for robustness.

    Args:
        examples: Usable ones, see :class:`unmask.data.clips.Example`.
        attacks: One with ``epsilon`` 0 leaves the clip as it is.

    Returns:
        Shape ``(clips, attacks, members)``.
    """
    device = next(bundle.detector.parameters()).device
    logits = np.zeros((len(examples), len(attacks), len(bundle.members)))
    for member in bundle.members:
        member.eval()
    for row, example in enumerate(examples):
        clips = batch_examples([example], bundle.settings)
        if clips.batch is None:
            continue
        batch, is_fake = clips.batch.to(device), clips.targets.is_fake.to(device)
        jury = _Jury(bundle.members, batch)
        seed = crc32(example.clip.clip_id.encode())
        victim = _Victim(bundle.detector, batch, is_fake, settings, seed)
        for column, each in enumerate(attacks):
            logits[row, column] = jury.logits(victim.under(each))
    return logits


class _Victim:
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
            self._signs[attack.target] = direction(*asked)
        return push(self._batch, self._signs[attack.target], attack.epsilon)

    def _steps(self) -> Steps:
        start = None
        if self._settings.pgd_random_start:
            start = torch.Generator().manual_seed(self._seed)
        return Steps(self._settings.pgd_alpha, self._settings.pgd_steps, start)


class _Jury:
    """All members; what an attack leaves alone of a clip, each of them encodes once."""

    @torch.inference_mode()
    def __init__(self, members: Sequence[Detector], clean: Batch) -> None:
        self._members, self._clean = members, clean
        self._heard = [
            m.voice(clean.waveform, clean.sample_mask, clean.speech_mask) for m in members
        ]
        self._seen = [member.encode(clean) for member in members]

    @torch.inference_mode()
    def logits(self, batch: Batch) -> list[float]:
        """One per member."""
        same_sound = batch.waveform is self._clean.waveform
        same_faces = batch.frames is self._clean.frames
        known = zip(self._members, self._heard, self._seen, strict=True)
        return [
            float(member(batch, heard if same_sound else None, seen if same_faces else None).logit)
            for member, heard, seen in known
        ]


def _views(logits: Logits) -> dict[str, Logits]:
    """What each kind of score becomes, shape ``(clips, attacks)``."""
    found = {WHITE_BOX: logits[..., 0]}
    if logits.shape[-1] > 1:
        found |= {TRANSFER: logits[..., 1], ENSEMBLE: expit(logits).mean(axis=-1)}
    return found


def _in_words(settings: AttackSettings) -> str:
    start = "a random point" if settings.pgd_random_start else "the clean clip"
    return (
        f"{settings.pgd_steps} steps of {settings.pgd_alpha:g} from {start}, projected to the "
        "budget; the step of highest loss counts, one step of the whole budget among them"
    )
