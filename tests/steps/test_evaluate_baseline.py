"""A real baseline beside a candidate, on the same test clips."""

import pytest

from steps.evaluate_baseline import evaluate_baseline
from unmask.config import EvaluationSettings
from unmask.evaluation.baseline_comparison import BaselineComparison
from unmask.evaluation.evaluate import auc_of_rows
from unmask.evaluation.serialization import write_scores
from unmask.training.score_clips import score_split

SETTINGS = EvaluationSettings(resamples=20)


@pytest.fixture
def evaluate(bundle_folder, clips, tmp_path):
    """Compare a baseline with the candidate `bundle_folder`, whose scores are in a table."""
    write_scores(score_split(bundle_folder, clips, "test", None), tmp_path / "plots/scores.csv")
    return lambda baseline: evaluate_baseline.entrypoint(
        baseline, tmp_path / "plots", clips, SETTINGS, 1
    )


@pytest.mark.usefixtures("checkout")
def test_another_baseline_is_scored_on_the_candidates_test_clips(
    evaluate, bundle_folder, other_bundle, clips
):
    old, new = (
        auc_of_rows(score_split(folder, clips, "test", None))
        for folder in (other_bundle, bundle_folder)
    )
    comparison = evaluate(other_bundle)
    assert comparison.auc == pytest.approx(old)
    assert comparison.difference == pytest.approx(new - old)
    assert comparison.clips == 4


@pytest.mark.usefixtures("checkout")
def test_a_baseline_that_is_the_candidate_is_as_good(evaluate, bundle_folder):
    comparison = evaluate(bundle_folder)
    assert (comparison.difference, comparison.lower) == (0.0, 0.0)


@pytest.mark.usefixtures("checkout")
def test_a_baseline_that_cannot_be_read_is_named_with_a_remedy(evaluate, tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old/bundle.json").write_text('{"schema_version": 0}')
    problem = evaluate(tmp_path / "old").problem
    assert problem.startswith("the pinned baseline cannot be compared: ")
    assert problem.endswith("pin another version with `python -m pipelines pin`")


def test_without_a_baseline_nothing_is_compared(evaluate, tmp_path):
    (tmp_path / "empty").mkdir()
    assert evaluate(tmp_path / "empty") == BaselineComparison()
