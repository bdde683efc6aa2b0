"""How much of a detector's skill survives an adversary.

The attacker works on the first member of the ensemble; see
:class:`unmask.robustness.adversarial_report.ThreatModel` for what that says and what it does not.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from zlib import crc32

import numpy as np

from unmask.config import AttackSettings
from unmask.data.torch.evaluation_set import (
    EvaluationClips,
    Example,
    FeatureLoader,
    make_feature_loader,
)
from unmask.errors import DataError
from unmask.evaluation.metrics import roc_auc
from unmask.models.bundle import Bundle
from unmask.models.ensemble.shared_encoders import Ensemble
from unmask.preprocessing.cache import Cache
from unmask.records import Clip, ModelInput
from unmask.robustness.adversarial_report import (
    GATE_TARGET,
    KNOWS,
    SHARED_ENCODER_NOTE,
    WHITE_BOX,
    AttackRow,
    RobustnessReport,
    ThreatModel,
    is_gated_attack,
)
from unmask.robustness.adversarial_scoring import Attack, score_under_attack

NONE = Attack(GATE_TARGET, 0.0, "none")

Rows = dict[tuple[str, Attack], AttackRow]  # by view and attack


def evaluate_under_attack(
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
    return attack_features(
        bundle, chosen, make_feature_loader(bundle.preprocessing, cache), settings
    )


def attack_features(
    bundle: Bundle, clips: Sequence[Clip], load: FeatureLoader, settings: AttackSettings
) -> RobustnessReport:
    """Like :func:`attack` on all of ``clips``, with the features of a clip from ``load``.

    Where ``settings`` ask for a sample, those of the gate are made on everything all the same.
    """
    whole = EvaluationClips(clips, load)
    examples = [item for item in (whole[n] for n in range(len(whole))) if item.samples]
    if not examples:
        raise DataError(f"none of {len(clips)} clips can be attacked; check the split")
    named = product(settings.methods, settings.targets, settings.epsilons)
    attacks = [Attack(target, epsilon, method) for method, target, epsilon in named]
    chosen = _chosen(examples, settings.clips)
    rows = _measured(bundle, [_cut(one, settings.frames) for one in chosen], attacks, settings)
    if settings.clips or settings.frames:
        first = replace(bundle, members=bundle.members[:1], sync=None)
        gates = [
            each for each in attacks if is_gated_attack(each.method, each.target, each.epsilon)
        ]
        rows |= _measured(first, examples, gates, settings)
    return RobustnessReport(
        split=examples[0].clip.split,
        clips=len(examples),
        clean_auc=rows.pop((WHITE_BOX, NONE)).auc,
        rows=tuple(row for (_, each), row in rows.items() if each != NONE),
        threat_model=_threat(bundle),
        made=_in_words(settings),
    )


def _measured(
    bundle: Bundle,
    examples: Sequence[Example],
    attacks: Sequence[Attack],
    settings: AttackSettings,
) -> Rows:
    """One row for each view and attack, and for none at all."""
    is_fake = np.array([item.clip.is_fake for item in examples])
    rows: Rows = {}
    for view, logits in score_under_attack(bundle, examples, [NONE, *attacks], settings).items():
        aucs = [roc_auc(column, is_fake) for column in logits.T]
        for each, auc in zip([NONE, *attacks], aucs, strict=True):
            drop = aucs[0] - auc
            rows[view, each] = AttackRow(
                each.target, each.epsilon, auc, drop, each.method, view, len(examples)
            )
    return rows


def _chosen(examples: Sequence[Example], wanted: int) -> Sequence[Example]:
    """At least ``wanted`` clips, whatever their order: genuine and forged of a pair together."""
    if not wanted:
        return examples
    pairs: dict[str, list[Example]] = {}
    for example in examples:
        pairs.setdefault(example.clip.pair_id, []).append(example)
    found: list[Example] = []
    for name in sorted(pairs, key=lambda name: (crc32(name.encode()), name)):
        if len(found) < wanted:
            found += sorted(pairs[name], key=lambda one: one.clip.clip_id)
    return found


def _cut(example: Example, frames: int) -> Example:
    """The first person's ``frames`` frames in the middle of the clip, neighbours all of them."""
    sample = example.samples[0]
    start = max((len(sample.faces) - frames) // 2, 0) if frames else 0
    part = slice(start, start + frames if frames else None)
    cut: ModelInput = replace(
        sample,
        faces=sample.faces[part],
        flow=None if sample.flow is None else sample.flow[part],
        landmarks=None if sample.landmarks is None else sample.landmarks[part],
        pose_deg=None if sample.pose_deg is None else sample.pose_deg[part],
    )
    return replace(example, samples=(cut,))


def _threat(bundle: Bundle) -> ThreatModel:
    """Whom the rows speak of; members that share their eyes are no strangers to each other."""
    if len(bundle.members) > 1 and Ensemble(bundle.members).one_frame_encoder:
        return ThreatModel(knows=KNOWS.format(second=SHARED_ENCODER_NOTE))
    return ThreatModel()


def _in_words(settings: AttackSettings) -> str:
    words = []
    if settings.clips or settings.frames:
        clips = f"at least {settings.clips} clips in whole pairs" if settings.clips else "all clips"
        frames = f"{settings.frames} neighbouring frames" if settings.frames else "all frames"
        words.append(f"on {clips} and {frames} of each; only the gate's own attacks on everything")
    if "pgd" in settings.methods:
        start = "a random point" if settings.pgd_random_start else "the clean clip"
        words.append(
            f"PGD: {settings.pgd_steps} steps of {settings.pgd_alpha:g} from {start}, projected "
            "to the budget; the point of highest loss counts, one step of the whole budget too"
        )
    return ". ".join(words)
