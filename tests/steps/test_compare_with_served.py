"""The served champion on the test clips of a candidate of another phase."""

from dataclasses import replace

import pytest

from steps.compare_with_served import compare_with_served
from steps.platforms.champion_store import publish_champion
from unmask.config import EvaluationSettings
from unmask.evaluation.baseline_comparison import BaselineComparison
from unmask.evaluation.evaluate import auc_of_rows
from unmask.evaluation.gates import GateReport, GateResult
from unmask.evaluation.serialization import write_scores
from unmask.training.score_clips import score_split

PASSED = GateReport((GateResult("auc", 0.9, 0.8, "at least", "required", True, "passed"),), True)
REPORTED = GateReport((replace(PASSED.rows[0], level="reported"),), True)


@pytest.fixture
def compare(bundle_folder, clips, checkout):
    """Compare the candidate `bundle_folder` with what is served."""
    write_scores(score_split(bundle_folder, clips, "test", None), checkout / "plots/scores.csv")
    settings = EvaluationSettings(resamples=20)
    return lambda gates: compare_with_served.entrypoint(
        bundle_folder, gates, checkout / "plots", clips, settings, 1
    )


def test_a_champion_of_another_phase_is_scored_on_the_candidates_test_clips(
    compare, bundle_folder, other_bundle, clips
):
    publish_champion(other_bundle)
    old, new = (
        auc_of_rows(score_split(folder, clips, "test", None))
        for folder in (other_bundle, bundle_folder)
    )
    comparison = compare(PASSED)
    assert comparison.auc == pytest.approx(old)
    assert comparison.difference == pytest.approx(new - old)
    assert comparison.clips == 4


def test_nothing_is_scored_where_the_candidate_cannot_be_served_or_is_served(
    compare, bundle_folder, other_bundle
):
    assert compare(PASSED) == BaselineComparison()  # nothing is served
    publish_champion(other_bundle)
    assert compare(REPORTED) == BaselineComparison()
    publish_champion(bundle_folder)
    assert compare(PASSED) == BaselineComparison()


def test_a_champion_that_cannot_be_read_is_named(compare, other_bundle, checkout):
    (checkout / "old").mkdir()
    (checkout / "old/bundle.json").write_text('{"schema_version": 0}')
    publish_champion(checkout / "old")
    problem = compare(PASSED).problem
    assert problem.startswith("the served champion cannot be compared: ")
    assert problem.endswith("that the candidate is better is not shown")
