"""Adversarial evaluation: AUC under FGSM and PGD attacks.

The attacker knows the first member of the ensemble; see
:class:`unmask.robustness.adversarial_report.ThreatModel` for the scope of the results.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from zlib import crc32

import numpy as np

from unmask.config import AttackSettings, ModelSettings
from unmask.data.skipped_clips import check_skipped
from unmask.data.torch.evaluation_set import (
    EvaluationClips,
    Example,
    FeatureLoader,
    slice_frames,
)
from unmask.errors import DataError
from unmask.evaluation.metrics import roc_auc
from unmask.models.bundle import Bundle
from unmask.models.collate import usable_samples
from unmask.models.ensemble.shared_encoders import Ensemble
from unmask.records import Clip
from unmask.robustness.adversarial_report import (
    ATTACKER_KNOWLEDGE,
    GATE_TARGET,
    SHARED_ENCODER_NOTE,
    WHITE_BOX,
    AttackRow,
    RobustnessReport,
    ThreatModel,
    is_gated_attack,
)
from unmask.robustness.adversarial_scoring import Attack, score_under_attack
from unmask.robustness.evasion import evasion_rate

NO_ATTACK = Attack(GATE_TARGET, 0.0, "none")

log = logging.getLogger(__name__)

RowsByAttack = dict[tuple[str, Attack], AttackRow]  # by view and attack


def evaluate_under_attack(
    bundle: Bundle,
    clips: Sequence[Clip],
    load: FeatureLoader,
    settings: AttackSettings,
    split: str = "test",
) -> RobustnessReport:
    """Attack every clip of a split and measure the AUC again.

    ``settings`` may limit clips and frames; the attacks of the gate still use all of them.

    Args:
        load: Loads the features of a clip with the bundle's preprocessing.

    Raises:
        DataError: No clip of the split can be used, or too many cannot.
        SingleClassError: The usable clips are all genuine, or all fake.
        ConfigError: A target or method does not exist.
    """
    subset = [clip for clip in clips if clip.split == split]
    loaded = list(EvaluationClips(subset, load))
    usable = [
        replace(example, samples=usable_samples(example.samples, bundle.settings))
        for example in loaded
    ]
    examples = [example for example in usable if example.samples]
    if not examples:
        raise DataError(f"none of {len(subset)} clips of split {split!r} can be attacked")
    problems = {example.clip.clip_id: example.problem for example in loaded if example.problem}
    for clip_id, problem in problems.items():
        log.warning("clip %s was not attacked: %s", clip_id, problem)
    check_skipped(subset, problems)
    targets = _attackable(settings.targets, examples, bundle.settings)
    grid = product(settings.methods, targets, settings.epsilons)
    attacks = [Attack(target, epsilon, method) for method, target, epsilon in grid]
    sample = [_middle_frames(item, settings.frames) for item in _sample(examples, settings.clips)]
    rows = _measure(bundle, sample, attacks, settings)
    if settings.clips or settings.frames:
        first_member = replace(bundle, members=bundle.members[:1], sync=None)
        gated = [
            attack
            for attack in attacks
            if is_gated_attack(attack.method, attack.target, attack.epsilon)
        ]
        rows |= _measure(first_member, examples, gated, settings)
    return RobustnessReport(
        split=split,
        clips=len(examples),
        clean_auc=rows.pop((WHITE_BOX, NO_ATTACK)).auc,
        rows=tuple(row for (_, attack), row in rows.items() if attack != NO_ATTACK),
        threat_model=_threat_model(bundle),
        protocol=_protocol(settings, [name for name in settings.targets if name not in targets]),
    )


def _attackable(
    targets: Sequence[str], examples: Sequence[Example], settings: ModelSettings
) -> tuple[str, ...]:
    """Return the targets that the detector uses of any clip: no sound of silent clips."""
    samples = [sample for example in examples for sample in example.samples[:1]]
    has = {
        "frames": "video" in settings.modalities and any(len(each.faces) for each in samples),
        "audio": "audio" in settings.modalities and any(len(each.waveform) for each in samples),
    }
    has["both"] = all(has.values())
    return tuple(name for name in targets if has[name])


def _measure(
    bundle: Bundle,
    examples: Sequence[Example],
    attacks: Sequence[Attack],
    settings: AttackSettings,
) -> RowsByAttack:
    """Measure one row per view and attack, ``NO_ATTACK`` included."""
    is_fake = np.array([example.clip.is_fake for example in examples])
    tried = [NO_ATTACK, *attacks]
    rows: RowsByAttack = {}
    for view, logits in score_under_attack(bundle, examples, tried, settings).items():
        aucs = [roc_auc(column, is_fake) for column in logits.T]
        for attack, auc, attacked in zip(tried, aucs, logits.T, strict=True):
            rows[view, attack] = AttackRow(
                target=attack.target,
                epsilon=attack.epsilon,
                auc=auc,
                drop=aucs[0] - auc,
                method=attack.method,
                view=view,
                clips=len(examples),
                evasion=evasion_rate(logits[:, 0], attacked, is_fake),
            )
    return rows


def _sample(examples: Sequence[Example], min_clips: int) -> Sequence[Example]:
    """Return whole pairs with at least ``min_clips`` clips, in any order of ``examples``.

    Args:
        min_clips: 0 returns all.
    """
    if not min_clips:
        return examples
    pairs: dict[str, list[Example]] = {}
    for example in examples:
        pairs.setdefault(example.clip.pair_id, []).append(example)
    sample: list[Example] = []
    for pair_id in sorted(pairs, key=lambda name: (crc32(name.encode()), name)):
        if len(sample) < min_clips:
            sample += sorted(pairs[pair_id], key=lambda example: example.clip.clip_id)
    return sample


def _middle_frames(example: Example, frames: int) -> Example:
    """Return the first person with ``frames`` contiguous frames from the middle of the clip.

    Args:
        frames: 0 keeps all.
    """
    sample = example.samples[0]
    start = max((len(sample.faces) - frames) // 2, 0) if frames else 0
    part = slice(start, start + frames if frames else None)
    return replace(example, samples=(slice_frames(sample, part),))


def _threat_model(bundle: Bundle) -> ThreatModel:
    """Return the threat model; it mentions a frame encoder that all members share."""
    if len(bundle.members) > 1 and Ensemble(bundle.members).shares_frame_encoder:
        return ThreatModel(knows=ATTACKER_KNOWLEDGE.format(second=SHARED_ENCODER_NOTE))
    return ThreatModel()


def _protocol(settings: AttackSettings, skipped: Sequence[str]) -> str:
    sentences = []
    if skipped:
        sentences.append(
            f"not attacked: {', '.join(skipped)}, as the clips have nothing of it that the "
            "detector uses"
        )
    if settings.clips or settings.frames:
        clips = f"at least {settings.clips} clips in whole pairs" if settings.clips else "all clips"
        frames = f"{settings.frames} contiguous frames" if settings.frames else "all frames"
        sentences.append(
            f"attacks use {clips} and {frames} of each clip; the attacks of the gate use everything"
        )
    if "pgd" in settings.methods:
        start = "a random point" if settings.pgd_random_start else "the clean clip"
        sentences.append(
            f"PGD: {settings.pgd_steps} steps of {settings.pgd_alpha:g} from {start}, projected "
            "to the budget; of these points and a single step of the whole budget, the one with "
            "the highest loss counts"
        )
    return ". ".join(sentences)
