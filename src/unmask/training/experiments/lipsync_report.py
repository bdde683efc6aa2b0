"""Report of lip-sync across sources: offsets that are found, and fakes told apart."""

from collections.abc import Callable, Sequence

import numpy as np

from unmask.config import EvaluationSettings
from unmask.evaluation.bootstrap import estimate_auc
from unmask.evaluation.generator_families import ORDER
from unmask.evaluation.intervals import Estimate, estimate_from_resamples
from unmask.markdown_table import markdown_table
from unmask.training.experiments.lipsync_folds import (
    GENUINE,
    LIP_ENERGY,
    NETWORK,
    SWAPPED,
    LipMeasure,
)
from unmask.training.lipsync.evaluation import SHIFTS_MS, TOLERANCE_MS

CONFIDENCE = 0.95
LENGTHS_S = ((1.0, 2.0), (2.0, 4.0), (4.0, float("inf")))  # of speech with a moving mouth
MEASURED_MS = 200  # delay at which lengths are compared
STATISTICS: dict[str, Callable[[LipMeasure], float]] = {
    "distance": lambda measure: measure.distance,
    "low confidence": lambda measure: -measure.confidence,
    "deviation": lambda measure: measure.deviation,
    "offset": lambda measure: abs(measure.offset_ms),
}  # higher is more fake
SOURCE_HEADER = ("source", "scorer", "clips", "people", "found within 80 ms", "by person")
GROUPS: dict[str, Callable[[LipMeasure], str]] = {
    "by person": lambda measure: measure.identity,
    "by source": lambda measure: measure.source,
}


def lipsync_page(
    measures: Sequence[LipMeasure], title: str, evaluation: EvaluationSettings, seed: int
) -> str:
    """Return the report as Markdown.

    Args:
        evaluation: Its ``resamples`` are drawn for each interval.
        seed: Seed of the resampling.
    """
    resamples = evaluation.resamples
    offsets = [
        _offset_cells(measures, scorer, shift_ms, (0.0, float("inf")), (resamples, seed))
        for scorer in (LIP_ENERGY, NETWORK)
        for shift_ms in SHIFTS_MS
    ]
    offsets += [
        _offset_cells(measures, scorer, MEASURED_MS, length_s, (resamples, seed))
        for scorer in (LIP_ENERGY, NETWORK)
        for length_s in LENGTHS_S
    ]
    kinds = [
        _kind_cells(measures, scorer, kind, name, (resamples, seed))
        for scorer in (LIP_ENERGY, NETWORK)
        for kind in (SWAPPED, *ORDER)
        for name in STATISTICS
        if any(measure.kind == kind and measure.scorer == scorer for measure in measures)
    ]
    sources = [
        _source_cells(measures, scorer, source, (resamples, seed))
        for source in sorted({measure.source for measure in measures if measure.kind == GENUINE})
        for scorer in (LIP_ENERGY, NETWORK)
    ]
    header = ("scorer", "delay", "speech", "clips", "found within 80 ms", *GROUPS)
    kind_header = ("fakes", "scorer", "statistic", "fake + genuine", "AUC", *GROUPS)
    parts = (
        f"# {title}",
        "Offsets of genuine clips:",
        markdown_table(header, offsets),
        f"Offsets of genuine clips by source, at a delay of ±{MEASURED_MS} ms:",
        markdown_table(SOURCE_HEADER, sources),
        "Fakes against genuine clips:",
        markdown_table(kind_header, kinds),
    )
    return "\n\n".join(parts) + "\n"


def found_share(
    errors_ms: Sequence[float], groups: Sequence[str], resamples: int, seed: int
) -> Estimate:
    """Return the share of offsets found, with its interval by resampling whole groups.

    Args:
        errors_ms: Absolute error of each offset.
        groups: Person or source of each.

    Example:
        >>> found_share([0, 300, 40, 80], ["a", "a", "a", "a"], 10, seed=0)
        Estimate(value=0.75, low=None, high=None)
    """
    within = np.array(errors_ms) <= TOLERANCE_MS
    names, members = np.unique(np.array(groups), return_inverse=True)
    if len(names) < 2:
        return Estimate(float(within.mean()), None, None)
    hits = np.bincount(members, within, len(names))
    sizes = np.bincount(members, minlength=len(names))
    drawn = np.random.default_rng(seed).integers(len(names), size=(resamples, len(names)))
    shares = hits[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    return estimate_from_resamples(float(within.mean()), shares, CONFIDENCE)


def _offset_cells(
    measures: Sequence[LipMeasure],
    scorer: str,
    shift_ms: int,
    length_s: tuple[float, float],
    resampling: tuple[int, int],
) -> tuple[str, ...]:
    chosen = [
        measure
        for measure in _shifted(measures, scorer, shift_ms)
        if length_s[0] <= measure.speech_s < length_s[1]
    ]
    low_s, high_s = length_s
    length = (
        "any"
        if not low_s
        else f"{low_s:g} s or more"
        if high_s == float("inf")
        else (f"{low_s:g} to {high_s:g} s")
    )
    clips = len({measure.clip_id for measure in chosen})
    cells = (scorer, f"±{shift_ms} ms" if shift_ms else "none", length, str(clips))
    if not chosen:
        return (*cells, *("–" for _ in range(1 + len(GROUPS))))
    estimates = [
        found_share(_errors_ms(chosen), [group(measure) for measure in chosen], *resampling)
        for group in GROUPS.values()
    ]
    return (*cells, f"{estimates[0].value:.3f}", *(each.format_interval() for each in estimates))


def _source_cells(
    measures: Sequence[LipMeasure], scorer: str, source: str, resampling: tuple[int, int]
) -> tuple[str, ...]:
    chosen = [each for each in _shifted(measures, scorer, MEASURED_MS) if each.source == source]
    people = [measure.identity for measure in chosen]
    clips = len({measure.clip_id for measure in chosen})
    cells = (source, scorer, str(clips), str(len(set(people))))
    if not chosen:
        return (*cells, "–", "–")
    share = found_share(_errors_ms(chosen), people, *resampling)
    return (*cells, f"{share.value:.3f}", share.format_interval())


def _shifted(measures: Sequence[LipMeasure], scorer: str, shift_ms: int) -> list[LipMeasure]:
    """Return the measures of genuine clips whose sound is late, or early, by ``shift_ms``."""
    return [
        measure
        for measure in measures
        if measure.kind == GENUINE
        and measure.scorer == scorer
        and abs(measure.delay_ms) == shift_ms
    ]


def _errors_ms(measures: Sequence[LipMeasure]) -> list[float]:
    return [abs(measure.offset_ms - measure.delay_ms) for measure in measures]


def _kind_cells(
    measures: Sequence[LipMeasure],
    scorer: str,
    kind: str,
    statistic: str,
    resampling: tuple[int, int],
) -> tuple[str, ...]:
    chosen = [
        measure
        for measure in measures
        if measure.scorer == scorer and measure.delay_ms == 0 and measure.kind in (kind, GENUINE)
    ]
    is_fake = np.array([measure.kind == kind for measure in chosen])
    scores = np.array([STATISTICS[statistic](measure) for measure in chosen])
    resamples, seed = resampling
    estimates = [
        estimate_auc(
            *(scores, is_fake, [group(measure) for measure in chosen]),
            *(np.random.default_rng(seed), resamples),
        )
        for group in GROUPS.values()
    ]
    counts = f"{is_fake.sum()} + {(~is_fake).sum()}"
    intervals = (each.format_interval() for each in estimates)
    return (kind, scorer, statistic, counts, f"{estimates[0].value:.3f}", *intervals)
