"""How much of a detector's skill survives an adversary."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unmask.config import AttackSettings
from unmask.data.clips import Load, WholeClips, cached
from unmask.errors import DataError
from unmask.evaluation.metrics import roc_auc
from unmask.models.bundle import Bundle
from unmask.models.fgsm import FRAMES
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.robustness.attacks import Attack, attacked_logits

GATE_EPSILON = 0.05


@dataclass(frozen=True, slots=True)
class AttackRow:
    """One attack on all clips.

    Attributes:
        epsilon: Of pixel range ``[0, 1]``, or of amplitude with full scale 1.
        auc: Under attack.
        drop: AUC without the attack minus ``auc``.
    """

    target: str
    epsilon: float
    auc: float
    drop: float


@dataclass(frozen=True, slots=True)
class RobustnessReport:
    """FGSM on one split.

    Attributes:
        clean_auc: Without any attack, on the same clips.
    """

    split: str
    clips: int
    clean_auc: float
    rows: tuple[AttackRow, ...]

    @property
    def gate_drop(self) -> float | None:
        """The drop that the gate looks at; ``None`` where it was not measured."""
        for row in self.rows:
            if row.target == FRAMES and row.epsilon == GATE_EPSILON:
                return row.drop
        return None

    def numbers(self) -> dict[str, float]:
        """AUC and drop of each attack under names such as ``fgsm_drop_frames_0.05``."""
        found = {}
        for row in self.rows:
            found[f"fgsm_auc_{row.target}_{row.epsilon:g}"] = row.auc
            found[f"fgsm_drop_{row.target}_{row.epsilon:g}"] = row.drop
        return found


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
    is_fake = np.array([item.clip.is_fake for item in examples])
    attacks = [Attack(name, size) for name in settings.targets for size in settings.epsilons]
    logits = attacked_logits(bundle, examples, [Attack(FRAMES, 0.0), *attacks])
    clean, *aucs = (roc_auc(column, is_fake) for column in logits.T)
    rows = (
        AttackRow(each.target, each.epsilon, auc, clean - auc)
        for each, auc in zip(attacks, aucs, strict=True)
    )
    return RobustnessReport(examples[0].clip.split, len(examples), clean, tuple(rows))
