"""Report of the attack that must survive H.264; it can be read without torch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.config import EvaluationSettings
from unmask.evaluation.bootstrap import draw_identity_counts
from unmask.evaluation.gates import Reading
from unmask.evaluation.intervals import Estimate, estimate_from_resamples
from unmask.evaluation.metric_keys import to_metric_key
from unmask.evaluation.metrics import Labels, Scores, roc_auc
from unmask.evaluation.resampled_metrics import Counts, resampled_aucs
from unmask.evaluation.slices import PartOfClips, list_parts
from unmask.records import Clip
from unmask.robustness.evasion import evasion_rate

ATTACKER = (
    "uploads a fake and wants it called genuine. May change every pixel of the source frames that "
    "the aligned faces show, by at most {epsilon} of 255 grey levels each. Cannot change what "
    "follows: H.264 at the stated CRF, decoding, face detection, alignment, and the score of all "
    "members, sound and lip-sync, as in a report on a video"
)
KNOWLEDGE = {
    "white_box": "the weights of all members and the preprocessing",
    "transfer": "the weights of a network that is not scored, and the preprocessing",
    "noise": "nothing: the sign of each change is random",
}


@dataclass(frozen=True, slots=True)
class TransmittedRow:
    """One attacker behind one encoding; all scores are of encoded clips unless stated.

    Attributes:
        attacker: ``white_box``, ``transfer`` or ``noise``, see ``KNOWLEDGE``.
        crf: Constant rate factor of H.264.
        clips, fakes: Scored clips, and the fakes among them; genuine clips are not attacked.
        original_auc: AUC of the files before encoding.
        encoded_auc: AUC after encoding, without attack.
        auc: AUC after encoding, with attack.
        encoding_drop: ``original_auc`` minus ``encoded_auc``: what the codec alone costs.
        drop: ``encoded_auc`` minus ``auc``: what the attack costs.
        evasion: Share of the fakes found without attack that are missed under it, where at most
            5 % of the genuine clips are called fake; ``None`` where no fake is found.
        lost: Clips that could not be scored before or after; the row leaves them out.
    """

    attacker: str
    crf: int
    clips: int
    fakes: int
    original_auc: Estimate
    encoded_auc: Estimate
    auc: Estimate
    encoding_drop: Estimate
    drop: Estimate
    evasion: Estimate | None
    lost: int = 0


@dataclass(frozen=True, slots=True)
class TransmittedPart(PartOfClips):
    """The rows of a source, kind of fakes or compression level."""

    rows: tuple[TransmittedRow, ...] = ()

    def describe_worst(self) -> str:
        """Return the row with the largest drop as a phrase."""
        row = max(self.rows, key=lambda row: row.drop.value)
        return f"largest drop {row.drop.format()} by {row.attacker}, CRF {row.crf}"


@dataclass(frozen=True, slots=True)
class TransmittedReport:
    """Attacks on the frames of fakes, behind H.264.

    Attributes:
        confidence: Level of every interval, in ``(0, 1)``.
        epsilon_levels: Budget in grey levels of 255.
        attacker: Who the attacker is.
        notes: What was not attacked or not measured, one sentence each.
        unmeasurable: Why nothing can be measured; empty if there are rows.
        parts: See :attr:`unmask.robustness.adversarial_report.RobustnessReport.parts`.
    """

    confidence: float
    epsilon_levels: int
    rows: tuple[TransmittedRow, ...] = ()
    attacker: str = ""
    notes: tuple[str, ...] = ()
    unmeasurable: str = ""
    parts: tuple[TransmittedPart, ...] = ()

    @property
    def worst(self) -> TransmittedRow | None:
        """Row with the largest loss of AUC, of any attacker at any quality."""
        return max(self.rows, key=lambda row: row.drop.value, default=None)

    def to_gate(self) -> Reading:
        """Return what the gate checks: the loss of AUC in the worst row."""
        row = self.worst
        if row is None:
            return Reading(None, reason=self.unmeasurable, decides=not self.unmeasurable)
        remark = f" ({row.drop.format_interval()}; {row.attacker}, CRF {row.crf})"
        return Reading(row.drop, remark)

    def to_metrics(self) -> dict[str, float]:
        """Return the numbers of each row, as ``transmitted_drop_white_box_23``.

        Of each part, they are the drops, as ``transmitted_drop_white_box_23/source/celebdf``.
        """
        return dict(self._metrics())

    def _metrics(self) -> Iterator[tuple[str, float]]:
        for row in self.rows:
            for name in ("auc", "encoding_drop", "drop", "evasion"):
                estimate = getattr(row, name)
                if estimate is not None:
                    key = f"transmitted_{name}_{row.attacker}_{row.crf}"
                    yield from estimate.to_metrics(key).items()
        for part in self.parts:
            for row in part.rows:
                place = f"{part.kind}/{to_metric_key(part.name)}"
                yield f"transmitted_drop_{row.attacker}_{row.crf}/{place}", row.drop.value


@dataclass(frozen=True, slots=True)
class TransmittedScores:
    """Scores of the same clips at three stages, higher is more fake; NaN for a clip without one.

    Attributes:
        original: Of the files, shape ``(clips,)``.
        encoded: After encoding, without attack.
        attacked: After encoding; genuine clips as in ``encoded``.
    """

    original: Scores
    encoded: Scores
    attacked: Scores

    def take(self, indices: Sequence[int]) -> "TransmittedScores":
        """Return the scores of some of the clips."""
        chosen = list(indices)
        return TransmittedScores(self.original[chosen], self.encoded[chosen], self.attacked[chosen])


StagesByAttack = Mapping[tuple[str, int], TransmittedScores]  # by attacker and CRF


def compare_attacks(
    stages: StagesByAttack, clips: Sequence[Clip], settings: EvaluationSettings, seed: int
) -> tuple[TransmittedRow, ...]:
    """Return the row of each attacker and CRF; arguments as of :func:`compare_stages`."""
    rows = [
        compare_stages(attacker, crf, clips, scores, settings, seed)
        for (attacker, crf), scores in stages.items()
    ]
    return tuple(row for row in rows if row is not None)


def compare_parts(
    stages: StagesByAttack, clips: Sequence[Clip], settings: EvaluationSettings, seed: int
) -> Iterator[TransmittedPart]:
    """Yield the rows of each part of the clips that were scored at all stages of all attacks."""
    columns = [array for s in stages.values() for array in (s.original, s.encoded, s.attacked)]
    is_scored = ~np.isnan(columns).any(axis=0) if columns else None
    for part, indices in list_parts(clips, is_scored):
        own = {key: scores.take(indices) for key, scores in stages.items()}
        subset = [clips[index] for index in indices]
        rows = () if part.not_measured else compare_attacks(own, subset, settings, seed)
        yield TransmittedPart(**asdict(part), rows=rows)


def compare_stages(
    attacker: str,
    crf: int,
    clips: Sequence[Clip],
    scores: TransmittedScores,
    settings: EvaluationSettings,
    seed: int,
) -> TransmittedRow | None:
    """Compare the stages on the clips that were scored at all of them.

    Args:
        clips: As many as there are scores.
        seed: Seed of the resampling of identities.

    Returns:
        ``None`` where no genuine clip or no fake was scored at every stage.
    """
    stages = {name: getattr(scores, name) for name in ("original", "encoded", "attacked")}
    common = ~np.isnan(np.stack(list(stages.values()))).any(axis=0)
    stages = {name: values[common] for name, values in stages.items()}
    scored = [clip for clip, known in zip(clips, common, strict=True) if known]
    is_fake = np.array([clip.is_fake for clip in scored], dtype=np.bool_)
    if not is_fake.any() or is_fake.all():
        return None
    counts = _draw_counts(scored, is_fake, settings, seed)
    auc = {name: roc_auc(values, is_fake) for name, values in stages.items()}
    resampled = (
        None
        if counts is None
        else {name: resampled_aucs(values, is_fake, counts) for name, values in stages.items()}
    )

    def estimate(name: str, minus: str = "") -> Estimate:
        value = auc[name] - (auc[minus] if minus else 0.0)
        if resampled is None:
            return Estimate(value, None, None)
        samples = resampled[name] - (resampled[minus] if minus else 0.0)
        return estimate_from_resamples(value, samples, settings.confidence)

    return TransmittedRow(
        attacker=attacker,
        crf=crf,
        clips=len(scored),
        fakes=int(is_fake.sum()),
        original_auc=estimate("original"),
        encoded_auc=estimate("encoded"),
        auc=estimate("attacked"),
        encoding_drop=estimate("original", "encoded"),
        drop=estimate("encoded", "attacked"),
        evasion=_estimate_evasion(
            stages["encoded"], stages["attacked"], is_fake, counts, settings.confidence
        ),
        lost=int((~common).sum()),
    )


def _draw_counts(
    clips: Sequence[Clip], is_fake: Labels, settings: EvaluationSettings, seed: int
) -> Counts | None:
    """Return how often each clip occurs in each resample; ``None`` for a single identity."""
    people = [clip.identity for clip in clips]
    if len(set(people)) < 2:
        return None
    rng = np.random.default_rng(seed)
    return draw_identity_counts(is_fake, people, rng, settings.resamples)


def _estimate_evasion(
    clean: Scores,
    attacked: Scores,
    is_fake: Labels,
    counts: Counts | None,
    confidence: float,
) -> Estimate | None:
    """Return the evasion rate; resamples in which no fake is found are left out."""
    value = evasion_rate(clean, attacked, is_fake)
    if value is None:
        return None
    if counts is None:
        return Estimate(value, None, None)
    repeated = (np.repeat(np.arange(len(clean)), times) for times in counts)
    rates = [evasion_rate(clean[rows], attacked[rows], is_fake[rows]) for rows in repeated]
    samples: NDArray[np.float64] = np.array([rate for rate in rates if rate is not None])
    return estimate_from_resamples(value, samples, confidence)
