"""Attack signs: the roughness of the faces, compared with the threshold of the detector."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unmask.models.footage_obstacles import UNLIKE_REASONS
from unmask.records import Reason
from unmask.serving.report.attack_flag import AttackSigns, ReportedAttackFlag

NONE = "The faces show no sign of an adversarial perturbation"
SIGNS = "The faces are rougher than genuine and fake ones, as if their pixels had been perturbed"
UNKNOWN = (
    "Whether the faces were perturbed is not told, as the footage is unlike the calibration clips."
)
ADAPTIVE = "A smooth perturbation, by an attacker who knows this test, is not noticed."


def describe_signs(
    roughness: Sequence[float], measured: Mapping[str, Any] | None, obstacles: frozenset[Reason]
) -> AttackSigns | None:
    """Return what the faces say about an attack; ``None`` without faces or measured rates.

    Args:
        roughness: Of every face.
        measured: Fields of a :class:`ReportedAttackFlag`, as stored at promotion.
        obstacles: Of the verdict.
    """
    if measured is None or not roughness:
        return None
    rates, median = ReportedAttackFlag(**measured), float(np.median(roughness))
    if obstacles & UNLIKE_REASONS:
        return AttackSigns(is_flagged=None, roughness=median, rates=rates, message=UNKNOWN)
    is_flagged = median > rates.threshold
    message = f"{SIGNS if is_flagged else NONE} ({_describe_rates(rates)}). {ADAPTIVE}"
    return AttackSigns(is_flagged=is_flagged, roughness=median, rates=rates, message=message)


def _describe_rates(rates: ReportedAttackFlag) -> str:
    attacks = [
        f"{attack.flagged} of {attack.clips} at {attack.epsilon * 255:.0f} of 255 levels"
        for attack in rates.attacks
    ]
    attacked = f", and by {rates.attacks[0].method.upper()} {', '.join(attacks)}" if attacks else ""
    return f"flagged are {rates.false_alarms} of {rates.clips} test clips without attack{attacked}"
