from dataclasses import replace

import numpy as np
import pytest

from unmask.errors import DataError
from unmask.evaluation.baseline_comparison import compare_with_baseline
from unmask.evaluation.evaluate import auc_of_rows


def compare(candidate, baseline, resamples=400):
    return compare_with_baseline(candidate, baseline, "baseline", resamples, seed=1)


def shift_fakes(rows, offset, noise, seed=0):
    rng = np.random.default_rng(seed)
    return [
        replace(row, logit=row.logit + offset * row.is_fake + rng.normal(0, noise)) for row in rows
    ]


def test_a_detector_is_not_worse_than_itself(score_rows):
    rows = score_rows()
    comparison = compare(rows, rows[::-1])
    assert (comparison.difference, comparison.lower, comparison.deviation) == (0.0, 0.0, 0.0)
    assert comparison.auc == auc_of_rows(rows)
    assert comparison.power(0.001) == 1.0


def test_the_difference_is_that_of_both_aucs_on_the_clips_that_both_have(score_rows):
    rows = score_rows()
    other = shift_fakes(rows, -1.0, 1.0)[5:]
    comparison = compare(rows[:-5], other)
    common = {row.clip_id for row in other} & {row.clip_id for row in rows[:-5]}
    old, new = ([row for row in table if row.clip_id in common] for table in (other, rows))
    assert comparison.difference == pytest.approx(auc_of_rows(new) - auc_of_rows(old))
    assert comparison.clips == len(common)


def test_the_bound_agrees_with_resampling_people_one_by_one(score_rows):
    rows = score_rows()
    other = shift_fakes(rows, -0.5, 0.7)
    by_person = {}
    for pair in zip(rows, other, strict=True):
        by_person.setdefault(pair[0].identity, []).append(pair)
    rng, people, differences = np.random.default_rng(5), list(by_person.values()), []
    for _ in range(2000):
        drawn = [pair for n in rng.integers(len(people), size=len(people)) for pair in people[n]]
        if len({row.is_fake for row, _ in drawn}) == 2:
            new, old = zip(*drawn, strict=True)
            differences.append(auc_of_rows(new) - auc_of_rows(old))
    comparison = compare(rows, other, resamples=2000)
    assert comparison.lower == pytest.approx(np.quantile(differences, 0.05), abs=0.01)
    assert comparison.deviation == pytest.approx(np.std(differences), rel=0.1)


def test_each_source_has_its_own_difference_or_its_counts(score_rows):
    names = ["few" if number < 8 else ("a", "b")[number // 8 % 2] for number in range(160)]
    rows = [replace(row, source=n) for row, n in zip(score_rows(), names, strict=True)]
    other = shift_fakes(rows, -0.5, 0.7)
    measured_parts = compare(rows, other).sources
    sources = {row.name: row for row in measured_parts if row.kind == "source"}
    assert set(sources) == {"a", "b", "few"}
    assert {row.kind for row in measured_parts} == {"source", "manipulation"}
    for name in ("a", "b"):
        own = [[row for row in table if row.source == name] for table in (rows, other)]
        alone = compare(*own)
        measured = sources[name]
        assert measured.difference == pytest.approx(auc_of_rows(own[0]) - auc_of_rows(own[1]))
        assert (measured.auc, measured.lower) == (alone.auc, alone.lower)
        assert measured.list_cells()[3] == f"{measured.difference:+.3f}"
    few = sources["few"]
    assert (few.auc, few.fakes + few.reals) == (None, 8)
    assert few.list_cells()[2] == "not measured: too few clips, a row takes 5 of each"


def test_clips_of_one_person_have_no_bound(score_rows):
    rows = [replace(row, identity="ann") for row in score_rows()]
    comparison = compare(rows, rows)
    assert (comparison.difference, comparison.lower, comparison.power(0.03)) == (0.0, None, None)


def test_tables_of_other_clips_are_refused(score_rows):
    rows = score_rows()
    other = [replace(row, clip_id=f"other-{row.clip_id}") for row in rows]
    with pytest.raises(DataError, match="no clip in common"):
        compare(rows, other)
