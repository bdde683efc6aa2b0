"""What is known of a detector under attack; plain numbers, read without a detector."""

from collections.abc import Iterator
from dataclasses import dataclass, field

GATE_METHOD, GATE_TARGET, GATE_EPSILON = "fgsm", "frames", 0.05
WHITE_BOX, TRANSFER, FINAL = "white_box", "transfer", "final"


KNOWS = (
    "everything about the first member: weights, preprocessing, and the true label. "
    "`white_box` scores with that member, `transfer` with the second, {second}, "
    "`final` with all members and lip-sync, as a video is answered"
)
SHARED_ENCODER_NOTE = (
    "which sees faces through the first one's own frame encoder, so that for frames it is hardly "
    "another detector; of the rest of it the attacker knows nothing"
)


def is_gated_attack(method: str, target: str, epsilon: float) -> bool:
    """Whether the gate looks at an attack."""
    return method == GATE_METHOD and target == GATE_TARGET and 0 < epsilon <= GATE_EPSILON


@dataclass(frozen=True, slots=True)
class ThreatModel:
    """Whom the numbers speak of: no defence holds against everybody.

    Attributes:
        knows: What the attacker has.
        changes: What the attacker may alter, and how far.
        cannot: What stays as it was.
        epsilon: The unit of every budget.
    """

    knows: str = KNOWS.format(second="of which the attacker knows nothing")
    changes: str = (
        "what preprocessing gave, after it: every pixel of the aligned 224 px faces of the "
        "clip's first person, or every sample of its 16 kHz sound, or both at once"
    )
    cannot: str = (
        "the file itself: nothing is encoded again, and face detection, alignment, optical flow, "
        "mouth crops and the speech mask stay those of the clean clip, as do other people in it; "
        "lip-sync hears the attacked sound, but no attack is made for it"
    )
    epsilon: str = (
        "the largest change of any value: of pixel range [0, 1], so that 0.01 is 2.55 of 255 grey "
        "levels, and of full-scale amplitude 1, however loud the clip; for both, of each"
    )


@dataclass(frozen=True, slots=True)
class AttackRow:
    """One attack on all clips.

    Attributes:
        target: ``frames``, ``audio`` or ``both``.
        epsilon: See :class:`ThreatModel`.
        auc: Under attack.
        drop: AUC of the same scores without the attack, minus ``auc``.
        method: ``fgsm`` or ``pgd``.
        view: Who is asked: ``white_box``, ``transfer`` or ``final``.
        clips: On how many it was measured; ``None`` on all.
    """

    target: str
    epsilon: float
    auc: float
    drop: float
    method: str = GATE_METHOD
    view: str = WHITE_BOX
    clips: int | None = None


@dataclass(frozen=True, slots=True)
class RobustnessReport:
    """Attacks on one split.

    Attributes:
        clean_auc: Of the first member without any attack, on the same clips.
        made: How the attacks were made, where the rows do not say it.
    """

    split: str
    clips: int
    clean_auc: float
    rows: tuple[AttackRow, ...]
    threat_model: ThreatModel = field(default_factory=ThreatModel)
    made: str = ""

    @property
    def gate_drop(self) -> float | None:
        """The largest drop up to ``GATE_EPSILON``; ``None`` where that was not measured.

        At one budget alone a detector can look robust that has only learnt what a step of that
        size looks like, or whose gradients are masked.
        """
        drops = {
            row.epsilon: row.drop
            for row in self.rows
            if row.view == WHITE_BOX and is_gated_attack(row.method, row.target, row.epsilon)
        }
        return max(drops.values()) if GATE_EPSILON in drops else None

    def to_metrics(self) -> dict[str, float]:
        """AUC and drop of each attack under names such as ``pgd_drop_transfer_frames_0.05``.

        The white box has no name: ``fgsm_drop_frames_0.05``.
        """
        return dict(self._numbers())

    def _numbers(self) -> Iterator[tuple[str, float]]:
        for row in self.rows:
            view = "" if row.view == WHITE_BOX else f"{row.view}_"
            yield f"{row.method}_auc_{view}{row.target}_{row.epsilon:g}", row.auc
            yield f"{row.method}_drop_{view}{row.target}_{row.epsilon:g}", row.drop
