"""Evasion: the share of the fakes found that escape under attack."""

import numpy as np

from unmask.evaluation.metrics import Labels, Scores

EVASION_FPR = 0.05


def evasion_rate(clean: Scores, attacked: Scores, is_fake: Labels) -> float | None:
    """Return the share of the fakes found without attack that are missed under it.

    The threshold is that of the unattacked genuine clips: at most ``EVASION_FPR`` of them exceed
    it. So it is the question of an attacker who wants a fake to pass; the AUC counts genuine clips
    that an attack turns into fakes as well.

    Args:
        clean, attacked: Score of each clip, shape ``(clips,)``; higher is more fake.

    Returns:
        ``None`` where no fake is found without attack.
    """
    genuine = np.sort(clean[~is_fake])[::-1]
    threshold = genuine[int(EVASION_FPR * len(genuine))]
    detected = is_fake & (clean > threshold)
    return float((attacked[detected] <= threshold).mean()) if detected.any() else None
