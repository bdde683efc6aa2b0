"""What is measured of a detector, and what it must reach."""

from dataclasses import dataclass, field

from unmask.config.codec_conditions import parse_condition
from unmask.config.validators import among, at_least, share


@dataclass(frozen=True, slots=True)
class UncertaintySettings:
    """How sure an answer is.

    Attributes:
        passes: Of MC-dropout; 0 leaves it out.
        fpr, fnr: What share of genuine clips may be called fake, and of fakes genuine, outside
            ``inconclusive``: the targets of the split-conformal thresholds.
    """

    passes: int = 0
    fpr: float = 0.01
    fnr: float = 0.01

    def __post_init__(self) -> None:
        """Refuse what is no share, and less than no pass."""
        at_least("uncertainty.passes", self.passes, 0)
        share("uncertainty.fpr", self.fpr)
        share("uncertainty.fnr", self.fnr)


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """How scores become numbers."""

    resamples: int = 1000
    confidence: float = 0.95
    bins: int = 10

    def __post_init__(self) -> None:
        """Refuse what gives no number."""
        at_least("evaluation.resamples", self.resamples, 1)
        at_least("evaluation.bins", self.bins, 1)
        share("evaluation.confidence", self.confidence)


@dataclass(frozen=True, slots=True)
class AttackSettings:
    """Budgets in pixel range ``[0, 1]``, what is perturbed, and how.

    Attributes:
        methods: Of ``fgsm`` and ``pgd``.
        targets: Of ``frames``, ``audio`` and ``both``.
        pgd_alpha: Length of a step, in the unit of the budgets.
        pgd_random_start: Begin anywhere within the budget instead of at the clean clip.
        clips: Attack so many test clips; 0 attacks all. The gate's own attack is always on all.
        frames: And so many neighbouring frames of each; 0 attacks all.
    """

    epsilons: tuple[float, ...] = (0.01, 0.05, 0.1)
    targets: tuple[str, ...] = ("frames", "audio")
    methods: tuple[str, ...] = ("fgsm",)
    pgd_alpha: float = 0.01
    pgd_steps: int = 10
    pgd_random_start: bool = False
    clips: int = 0
    frames: int = 0

    def __post_init__(self) -> None:
        """Refuse a method or a target that does not exist, and a negative budget."""
        for epsilon in self.epsilons:
            at_least("attacks.epsilons", epsilon, 0)
        for method in self.methods:
            among("attacks.methods", method, ("fgsm", "pgd"))
        for target in self.targets:
            among("attacks.targets", target, ("frames", "audio", "both"))


@dataclass(frozen=True, slots=True)
class CodecSettings:
    """Re-encodings that the test set is scored under.

    Attributes:
        cells: Such as ``h264:23``, ``opus:16`` or ``half``; see ``config/cells.py``.
        jobs: Processes side by side.
    """

    cells: tuple[str, ...] = ()
    jobs: int = 2

    def __post_init__(self) -> None:
        """Refuse a cell that does not exist."""
        for name in self.cells:
            parse_condition(name)


@dataclass(frozen=True, slots=True)
class Gate:
    """One floor or ceiling; ``level`` is ``required`` or ``reported``."""

    limit: float
    level: str = "required"

    def __post_init__(self) -> None:
        """Refuse a level that does not exist."""
        among("gates.*.level", self.level, ("required", "reported"))


@dataclass(frozen=True, slots=True)
class GateSettings:
    """What a detector must reach: AUC at least, the others at most their limit.

    Attributes:
        ece_excess: Calibration error beyond what a perfectly calibrated detector would show
            on so few clips; on a large test set the same as ``ece``.
        codec_gap: Of AUC between H.264 and H.265; ``None`` where a phase does not measure it.
    """

    auc: Gate = field(default_factory=lambda: Gate(0.90))
    ece: Gate = field(default_factory=lambda: Gate(0.05))
    ece_excess: Gate = field(default_factory=lambda: Gate(0.05))
    fgsm_drop: Gate = field(default_factory=lambda: Gate(0.05))
    codec_gap: Gate | None = None
    champion_drop: Gate = field(default_factory=lambda: Gate(0.0))
