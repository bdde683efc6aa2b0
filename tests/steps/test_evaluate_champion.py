import shutil

import pytest

from steps.platforms import champion_scores
from unmask.evaluation.evaluate import Evaluation
from unmask.training.score_clips import ChampionScore

NUMBERS = dict.fromkeys(("eer", "fpr95", "ece", "ece_by_chance", "brier", "nll"), 0.1)
EVALUATION = Evaluation(
    split="test",
    clips=4,
    fakes=2,
    reals=2,
    identities=2,
    confidence=0.95,
    bins=10,
    auc=0.75,
    auc_low=None,
    auc_high=None,
    **NUMBERS,
)


@pytest.fixture
def bundle(tmp_path):
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle/bundle.json").write_text("{}")
    return tmp_path / "bundle"


def test_a_champion_that_is_the_candidate_is_not_scored_twice(bundle, tmp_path):
    champion = shutil.copytree(bundle, tmp_path / "champion")
    assert champion_scores.score(champion, bundle, EVALUATION, ()) == ChampionScore(0.75)


def test_without_a_champion_there_is_no_number(bundle, tmp_path):
    (tmp_path / "champion").mkdir()
    assert champion_scores.score(tmp_path / "champion", bundle, EVALUATION, ()) == ChampionScore(
        None
    )


def test_another_champion_is_scored_on_the_same_clips(bundle, tmp_path, monkeypatch):
    champion = shutil.copytree(bundle, tmp_path / "champion")
    (champion / "bundle.json").write_text("other")
    asked = []
    monkeypatch.setattr(
        champion_scores, "score_rival", lambda *words: asked.append(words) or ChampionScore(0.5)
    )
    assert champion_scores.score(champion, bundle, EVALUATION, ("clip",)) == ChampionScore(0.5)
    assert asked[0][:2] == (champion, ("clip",))
