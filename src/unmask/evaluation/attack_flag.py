"""Attack flag: how often it is raised by genuine footage, by fakes, and under attack."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FlaggedAttack:
    """Attacked clips of one kind.

    Attributes:
        method: As in :class:`unmask.robustness.adversarial_scoring.Attack`, on frames.
        epsilon: Largest change of a pixel, in ``[0, 1]``.
        clips: Clips that the attack changes; it changes none whose gradient is zero.
        flagged: Those that are flagged.
    """

    method: str
    epsilon: float
    clips: int
    flagged: int


@dataclass(frozen=True, slots=True)
class AttackFlag:
    """Threshold of the flag, and its rates.

    Attributes:
        threshold: A clip is flagged whose median face roughness is above.
        validation_clips: Number of clips that the threshold was fitted on.
        clips, false_alarms: Test clips without attack, and those flagged.
        attacks: The same clips, or some of them, under attack.
    """

    threshold: float
    validation_clips: int
    clips: int
    false_alarms: int
    attacks: tuple[FlaggedAttack, ...] = ()
