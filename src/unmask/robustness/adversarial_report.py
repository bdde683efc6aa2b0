"""Report of an adversarial evaluation; it can be read without torch."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import AliasChoices, Field

from unmask.evaluation.attack_flag import AttackFlag
from unmask.evaluation.metric_keys import to_metric_key
from unmask.evaluation.slices import PartOfClips
from unmask.robustness.transmitted_report import TransmittedReport

GATE_METHOD, GATE_TARGET, GATE_EPSILON = "fgsm", "frames", 0.05
WHITE_BOX, TRANSFER, FINAL = "white_box", "transfer", "final"

ATTACKER_KNOWLEDGE = (
    "everything about the first member: weights, preprocessing, and the true label. "
    "`white_box` is the score of that member, `transfer` that of the second, {second}, "
    "`final` that of all members and lip-sync, as in a report on a video"
)
SHARED_ENCODER_NOTE = (
    "which shares the first member's frame encoder and so is hardly a different detector of "
    "frames; the attacker knows nothing of its other parts"
)


def is_gated_attack(method: str, target: str, epsilon: float) -> bool:
    """Return whether the gate counts an attack."""
    return method == GATE_METHOD and target == GATE_TARGET and 0 < epsilon <= GATE_EPSILON


@dataclass(frozen=True, slots=True)
class ThreatModel:
    """Attacker that the results hold for.

    Attributes:
        knows: Knowledge of the attacker.
        changes: Data that the attacker may change.
        cannot: Data that stays unchanged.
        epsilon: Unit of every budget.
    """

    knows: str = ATTACKER_KNOWLEDGE.format(second="of which the attacker knows nothing")
    changes: str = (
        "the output of preprocessing: every pixel of the aligned 224 px faces of the clip's "
        "first person, or every sample of its 16 kHz sound, or both at once"
    )
    cannot: str = (
        "the file itself: nothing is re-encoded, and face detection, alignment, optical flow, "
        "mouth crops, the speech mask and other people remain those of the clean clip; lip-sync "
        "scores the attacked sound, but no attack targets it"
    )
    epsilon: str = (
        "the largest change of any value: of pixels in [0, 1], so that 0.01 is 2.55 of 255 grey "
        "levels, and of samples with full scale 1, regardless of the loudness; for both, of each"
    )


@dataclass(frozen=True, slots=True)
class AttackRow:
    """Result of one attack.

    Attributes:
        target: ``frames``, ``audio`` or ``both``.
        epsilon: See :class:`ThreatModel`.
        auc: Under attack.
        drop: AUC of the same clips without attack, minus ``auc``.
        method: ``fgsm`` or ``pgd``.
        view: Score that is measured: ``white_box``, ``transfer`` or ``final``.
        clips: Number of clips; ``None`` means all.
        evasion: Share of the fakes found without attack that are missed under it, where only fakes
            are attacked and at most 5 % of the genuine clips are called fake; ``None`` where no
            fake is found without attack, and in older files.
    """

    target: str
    epsilon: float
    auc: float
    drop: float
    method: str = GATE_METHOD
    view: str = WHITE_BOX
    clips: int | None = None
    evasion: float | None = None


@dataclass(frozen=True, slots=True)
class AttackPart(PartOfClips):
    """The rows of a source, kind of fakes or compression level."""

    rows: tuple[AttackRow, ...] = ()

    def describe_worst(self) -> str:
        """Return the row with the largest drop as a phrase."""
        row = max(self.rows, key=lambda row: row.drop)
        attack = f"{row.method} on {row.target}, epsilon {row.epsilon:g}, {row.view}"
        return f"largest drop {row.drop:.3f} by {attack}"


@dataclass(frozen=True, slots=True)
class RobustnessReport:
    """Results of all attacks on one split.

    Attributes:
        clean_auc: AUC of the first member without attack, on the same clips.
        protocol: Details of the attacks that the rows lack; files written before version 0.2
            call it ``made``.
        skipped: Attacks that the clips or the detector have no use for, one sentence each.
        transmitted: Attack that must survive H.264; ``None`` where it was not measured, and in
            older files.
        parts: The same attacks per source, kind of fakes and compression level, where that is not
            all clips again; see :func:`unmask.evaluation.slices.list_parts`. Empty in older files.
        untrained: Components of the detector that its training clips could not teach, one sentence
            each. Empty in older files.
        left_out: Data sets of which no clip is measured, as they are given for testing alone; see
            :func:`unmask.evaluation.slices.describe_left_out`.
        flag: How often attacked faces are noticed; ``None`` where it was not measured, and in older
            files.
    """

    split: str
    clips: int
    clean_auc: float
    rows: tuple[AttackRow, ...]
    threat_model: ThreatModel = field(default_factory=ThreatModel)
    transmitted: TransmittedReport | None = None
    protocol: Annotated[str, Field(validation_alias=AliasChoices("protocol", "made"))] = ""
    skipped: tuple[str, ...] = ()
    parts: tuple[AttackPart, ...] = ()
    untrained: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    flag: AttackFlag | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What was not attacked, those behind H.264 included, one sentence each."""
        reason = "" if self.transmitted is None else self.transmitted.unmeasurable
        return (*self.skipped, *([f"attacks behind H.264 skipped: {reason}"] if reason else []))

    @property
    def gate_drop(self) -> float | None:
        """Largest drop up to ``GATE_EPSILON``; ``None`` where that was not measured.

        Smaller budgets count, too: at a single one a detector can look robust that has learnt to
        recognise a step of that size, or whose gradients are masked.
        """
        drops = {row.epsilon: row.drop for row in filter(_is_gated, self.rows)}
        return max(drops.values()) if GATE_EPSILON in drops else None

    def to_metrics(self) -> dict[str, float]:
        """Return AUC and drop of each attack, as ``pgd_drop_transfer_frames_0.05``.

        White-box keys omit the view: ``fgsm_drop_frames_0.05``. Of each part, they are the drops
        that the gate would check: ``fgsm_drop_frames_0.05/source/celebdf``.
        """
        transmitted = {} if self.transmitted is None else self.transmitted.to_metrics()
        return dict(self._metrics()) | transmitted

    def _metrics(self) -> Iterator[tuple[str, float]]:
        for row in self.rows:
            view = "" if row.view == WHITE_BOX else f"{row.view}_"
            yield f"{row.method}_auc_{view}{row.target}_{row.epsilon:g}", row.auc
            yield f"{row.method}_drop_{view}{row.target}_{row.epsilon:g}", row.drop
            if row.evasion is not None:
                yield f"{row.method}_evasion_{view}{row.target}_{row.epsilon:g}", row.evasion
        for part in self.parts:
            for row in filter(_is_gated, part.rows):
                place = f"{part.kind}/{to_metric_key(part.name)}"
                yield f"{row.method}_drop_{row.target}_{row.epsilon:g}/{place}", row.drop


def _is_gated(row: AttackRow) -> bool:
    return row.view == WHITE_BOX and is_gated_attack(row.method, row.target, row.epsilon)
