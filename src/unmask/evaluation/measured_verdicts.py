"""Error rates of verdicts, as measured, beside those that were promised."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scipy.stats import binomtest

from unmask.evaluation.coverage import TestedKind, measure_coverage
from unmask.evaluation.intervals import Estimate
from unmask.records import ScoreRow

HEADINGS = ("verdict", "promised", "measured", "interval", "clips")


@dataclass(frozen=True, slots=True)
class MeasuredVerdicts:
    """How often verdicts on the clips of a split are wrong, or withheld.

    Attributes:
        reals, fakes: Number of clips of each class.
        people: Number of people in them.
        false_alarms: Genuine clips called fake.
        misses: Fakes called real.
        inconclusive_reals, inconclusive_fakes: Clips of each class without a verdict.
        confidence: Level of the intervals.
        promised_fpr, promised_fnr: Rates of the conformal guarantee; ``None`` without one.
        by_manipulation: The fakes of each kind; empty in files of before version 0.3.
    """

    split: str
    reals: int
    fakes: int
    people: int
    false_alarms: int
    misses: int
    inconclusive_reals: int
    inconclusive_fakes: int
    confidence: float
    promised_fpr: float | None = None
    promised_fnr: float | None = None
    by_manipulation: tuple[TestedKind, ...] = ()

    @property
    def fpr(self) -> Estimate:
        """Share of genuine clips called fake, with its Clopper-Pearson interval."""
        return exact_rate(self.false_alarms, self.reals, self.confidence)

    @property
    def fnr(self) -> Estimate:
        """Share of fakes called real, with its Clopper-Pearson interval."""
        return exact_rate(self.misses, self.fakes, self.confidence)

    def beside_promise(self, fpr: float, fnr: float) -> "MeasuredVerdicts":
        """Return the rates beside those that the verdicts promised; 0 for no promise."""
        return replace(self, promised_fpr=fpr, promised_fnr=fnr) if fpr else self

    def to_metrics(self) -> dict[str, float]:
        """Return both rates, each with ``_low`` and ``_high``, and the shares without a verdict."""
        return {
            **self.fpr.to_metrics("verdict_fpr"),
            **self.fnr.to_metrics("verdict_fnr"),
            "inconclusive_reals": self.inconclusive_reals / self.reals,
            "inconclusive_fakes": self.inconclusive_fakes / self.fakes,
        }

    def list_rows(self) -> tuple[tuple[str, ...], ...]:
        """Return the rates as rows of text, see ``HEADINGS``."""
        rows = (
            ("genuine called fake", self.promised_fpr, self.fpr, self.false_alarms, self.reals),
            ("fakes called real", self.promised_fnr, self.fnr, self.misses, self.fakes),
        )
        withheld = (
            ("genuine without a verdict", self.inconclusive_reals, self.reals),
            ("fakes without a verdict", self.inconclusive_fakes, self.fakes),
        )
        return (
            *(
                (
                    name,
                    _promise(rate),
                    f"{value.value:.1%}",
                    _interval(value),
                    f"{count} of {clips}",
                )
                for name, rate, value, count, clips in rows
            ),
            *(
                (name, "", f"{count / clips:.1%}", "", f"{count} of {clips}")
                for name, count, clips in withheld
            ),
        )


def measure_verdicts(rows: Sequence[ScoreRow], confidence: float) -> MeasuredVerdicts | None:
    """Count the verdicts of a score table.

    Returns:
        ``None`` where a clip has no verdict, as in older tables, or one class is missing.
    """
    reals, fakes = ([row for row in rows if row.is_fake == kind] for kind in (False, True))
    if not reals or not fakes or any(row.verdict is None for row in rows):
        return None

    def count(subset: Sequence[ScoreRow], verdict: str) -> int:
        return sum(row.verdict == verdict for row in subset)

    return MeasuredVerdicts(
        split=rows[0].split,
        reals=len(reals),
        fakes=len(fakes),
        people=len({row.identity for row in rows}),
        false_alarms=count(reals, "fake"),
        misses=count(fakes, "real"),
        inconclusive_reals=count(reals, "inconclusive"),
        inconclusive_fakes=count(fakes, "inconclusive"),
        confidence=confidence,
        by_manipulation=measure_coverage(rows),
    )


def exact_rate(count: int, clips: int, confidence: float) -> Estimate:
    """Return a share with its exact interval (Clopper & Pearson, Biometrika 26, 1934).

    It takes clips as independent. Clips of one person are not, so that it is a little narrow where
    people have several.

    Example:
        >>> exact_rate(0, 30, 0.95).format()
        '0.000 (0.000–0.116)'
    """
    interval = binomtest(count, clips).proportion_ci(confidence, method="exact")
    return Estimate(count / clips, float(interval.low), float(interval.high))


def _promise(rate: float | None) -> str:
    return "nothing" if rate is None else f"at most {rate:.1%}"


def _interval(estimate: Estimate) -> str:
    return f"{estimate.low or 0.0:.1%} to {estimate.high or 0.0:.1%}"
