"""Adversarial evaluation: AUC under FGSM and PGD attacks.

The attacker knows the first member of the ensemble; see
:class:`unmask.robustness.adversarial_report.ThreatModel` for the scope of the results.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product

import numpy as np

from unmask.config import AttackSettings, ModelSettings
from unmask.data.skipped_clips import check_skipped
from unmask.data.torch.evaluation_set import Example, FeatureLoader
from unmask.errors import DataError
from unmask.evaluation.metrics import roc_auc
from unmask.evaluation.slices import PartOfClips, list_parts
from unmask.models.bundle import Bundle
from unmask.models.ensemble.shared_encoders import Ensemble
from unmask.models.scoring_bundle import untrained_notes
from unmask.records import Clip
from unmask.robustness.adversarial_report import (
    ATTACKER_KNOWLEDGE,
    GATE_TARGET,
    SHARED_ENCODER_NOTE,
    WHITE_BOX,
    AttackPart,
    AttackRow,
    RobustnessReport,
    ThreatModel,
    is_gated_attack,
)
from unmask.robustness.adversarial_scoring import Attack, Logits, score_under_attack
from unmask.robustness.clip_choice import choose_clips
from unmask.robustness.evasion import evasion_rate
from unmask.robustness.usable_clips import UsableClips

ATTACKS = {"frames": "frame attacks", "audio": "audio attacks", "both": "attacks on both"}
NO_ATTACK = Attack(GATE_TARGET, 0.0, "none")

RowsByAttack = dict[tuple[str, Attack], AttackRow]  # by view and attack


@dataclass(frozen=True, slots=True)
class _ScoredClips:
    """Logits of clips by view, each array of shape ``(clips, attacks)``; no attack comes first."""

    clips: Sequence[Clip]
    attacks: Sequence[Attack]
    logits: dict[str, Logits]

    def to_rows(self, indices: Sequence[int]) -> RowsByAttack:
        """Measure one row per view and attack on some of the clips, ``NO_ATTACK`` included."""
        is_fake = np.array([self.clips[index].is_fake for index in indices])
        rows: RowsByAttack = {}
        for view, scores in self.logits.items():
            logits = scores[list(indices)]
            aucs = [roc_auc(column, is_fake) for column in logits.T]
            for attack, auc, attacked in zip(self.attacks, aucs, logits.T, strict=True):
                rows[view, attack] = AttackRow(
                    target=attack.target,
                    epsilon=attack.epsilon,
                    auc=auc,
                    drop=aucs[0] - auc,
                    method=attack.method,
                    view=view,
                    clips=len(indices),
                    evasion=evasion_rate(logits[:, 0], attacked, is_fake),
                )
        return rows


def evaluate_under_attack(
    bundle: Bundle,
    clips: Sequence[Clip],
    load: FeatureLoader,
    settings: AttackSettings,
    split: str = "test",
) -> RobustnessReport:
    """Attack the clips of a split and measure the AUC again.

    ``settings`` may limit clips and frames; the attacks of the gate use all frames, and have a
    limit of clips of their own. Clips that no attack needs are not loaded.

    Args:
        load: Loads the features of a clip with the bundle's preprocessing.

    Raises:
        DataError: No clip of the split can be used, or too many cannot.
        SingleClassError: The usable clips are all genuine, or all fake.
        ConfigError: A target or method does not exist.
    """
    subset = [clip for clip in clips if clip.split == split]
    loader = UsableClips(load, bundle.settings)
    sample = choose_clips(subset, settings.clips, loader.is_usable)
    if not sample:
        raise DataError(f"none of {len(subset)} clips of split {split!r} can be attacked")
    skipped = _find_skipped(settings.targets, sample, loader, bundle.settings)
    targets = [name for name in settings.targets if name not in skipped]
    grid = product(settings.methods, targets, settings.epsilons)
    attacks = [Attack(target, epsilon, method) for method, target, epsilon in grid]
    gated = [each for each in attacks if is_gated_attack(each.method, each.target, each.epsilon)]
    is_limited = bool(settings.clips or settings.frames or settings.gate_clips)
    if gated and is_limited:
        whole = choose_clips(subset, settings.gate_clips, loader.is_usable, both_classes=True)
    else:
        whole = sample
    check_skipped(tuple(loader.tried.values()), loader.problems)
    scored = [_score(bundle, sample, loader.iterate(sample, settings.frames), attacks, settings)]
    if gated and is_limited:
        first_member = replace(bundle, members=bundle.members[:1], sync=None)
        scored.append(_score(first_member, whole, loader.iterate(whole), gated, settings))
    rows: RowsByAttack = {}
    for each in scored:
        rows |= each.to_rows(range(len(each.clips)))
    clean = rows.pop((WHITE_BOX, NO_ATTACK))
    return RobustnessReport(
        split=split,
        clips=len(whole),
        clean_auc=clean.auc,
        rows=_without_clean(rows),
        parts=_list_parts(scored),
        threat_model=_threat_model(bundle),
        protocol=_protocol(settings),
        skipped=tuple(f"{ATTACKS[name]} skipped: {why}" for name, why in skipped.items()),
        untrained=untrained_notes(bundle.untrained),
    )


def _find_skipped(
    targets: Sequence[str], clips: Sequence[Clip], loader: UsableClips, settings: ModelSettings
) -> dict[str, str]:
    """Return the targets that the detector uses of no clip, and why."""
    reasons = {}
    if "video" not in settings.modalities:
        reasons["frames"] = "the detector uses no faces"
    elif not any(len(example.samples[0].faces) for example in loader.iterate(clips)):
        reasons["frames"] = "no clip shows a face"
    if "audio" not in settings.modalities:
        reasons["audio"] = "the detector uses no sound"
    elif not any(clip.has_audio for clip in clips):
        reasons["audio"] = "no clip has sound"
    if reasons:
        reasons["both"] = " and ".join(reasons.values())
    return {name: reasons[name] for name in targets if name in reasons}


def _score(
    bundle: Bundle,
    clips: Sequence[Clip],
    examples: Iterable[Example],
    attacks: Sequence[Attack],
    settings: AttackSettings,
) -> _ScoredClips:
    """Score clips under each attack, and without one.

    Args:
        examples: Those of ``clips``, in the same order.
    """
    tried = [NO_ATTACK, *attacks]
    return _ScoredClips(clips, tried, score_under_attack(bundle, examples, tried, settings))


def _without_clean(rows: RowsByAttack) -> tuple[AttackRow, ...]:
    return tuple(row for (_, attack), row in rows.items() if attack != NO_ATTACK)


def _list_parts(scored: Sequence[_ScoredClips]) -> tuple[AttackPart, ...]:
    """Return the rows per part of the clips; of an attack on two choices of clips, the last."""
    if len(scored[0].attacks) == 1:
        return ()  # nothing was attacked
    parts: dict[str, PartOfClips] = {}
    rows: dict[str, RowsByAttack] = {}
    for each in scored:
        for part, indices in list_parts(each.clips):
            parts[part.title] = part
            known = rows.setdefault(part.title, {})
            if not part.not_measured:
                known |= each.to_rows(indices)
    return tuple(
        AttackPart(**asdict(part), rows=_without_clean(rows[title]))
        for title, part in parts.items()
    )


def _threat_model(bundle: Bundle) -> ThreatModel:
    """Return the threat model; it mentions a frame encoder that all members share."""
    if len(bundle.members) > 1 and Ensemble(bundle.members).shares_frame_encoder:
        return ThreatModel(knows=ATTACKER_KNOWLEDGE.format(second=SHARED_ENCODER_NOTE))
    return ThreatModel()


def _protocol(settings: AttackSettings) -> str:
    sentences = []
    if settings.clips or settings.frames or settings.gate_clips:
        frames = f"{settings.frames} contiguous frames" if settings.frames else "all frames"
        gate = (
            f"{_count(settings.gate_clips)} and all frames" if settings.gate_clips else "everything"
        )
        sentences.append(
            f"attacks use {_count(settings.clips)} and {frames} of each clip; the attacks of the "
            f"gate use {gate}"
        )
    if "pgd" in settings.methods:
        start = "a random point" if settings.pgd_random_start else "the clean clip"
        sentences.append(
            f"PGD: {settings.pgd_steps} steps of {settings.pgd_alpha:g} from {start}, projected "
            "to the budget; of these points and a single step of the whole budget, the one with "
            "the highest loss counts"
        )
    return ". ".join(sentences)


def _count(clips: int) -> str:
    return f"at least {clips} clips in whole pairs" if clips else "all clips"
