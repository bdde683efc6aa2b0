"""A real champion beside a candidate, on the same test clips."""

import shutil
from dataclasses import replace

import pytest
import torch

from steps.evaluate_champion import evaluate_champion
from tests.factories import make_clip, make_evaluation
from unmask.files import file_sha256
from unmask.models.bundle import load_bundle, save_bundle
from unmask.models.detector import Detector
from unmask.training.score_clips import ChampionScore, score_split

EVALUATION = make_evaluation(auc=0.75)


def evaluate(champion, candidate, clips):
    return evaluate_champion.entrypoint(champion, candidate, EVALUATION, clips)


@pytest.fixture(scope="module")
def other_bundle(bundle_folder, tmp_path_factory):
    """A detector with the architecture of `bundle_folder` and other weights."""
    bundle = load_bundle(bundle_folder)
    with torch.random.fork_rng():
        torch.manual_seed(8)
        detector = Detector(bundle.settings)
    folder = tmp_path_factory.mktemp("other") / "bundle"
    save_bundle(folder, replace(bundle, members=(detector,)))
    return folder


@pytest.fixture
def clips(make_video, tmp_path):
    """Two test clips of either class, and one of another split."""
    rows = []
    for number in range(5):
        path = make_video(tmp_path / f"{number}.mp4", seconds=0.5 + number / 10)
        split = "train" if number == 4 else "test"
        facts = {"path": path, "sha256": file_sha256(path), "split": split}
        rows.append(make_clip(clip_id=str(number), fake_video=number % 2 == 1, **facts))
    return tuple(rows)


@pytest.mark.usefixtures("checkout")
def test_another_champion_is_scored_on_the_candidates_test_clips(
    bundle_folder, other_bundle, clips
):
    rows = score_split(other_bundle, clips, "test", None)
    fakes = [row.logit for row in rows if row.is_fake]
    genuine = [row.logit for row in rows if not row.is_fake]
    pairs = [(fake > real) + 0.5 * (fake == real) for fake in fakes for real in genuine]
    expected = pytest.approx(sum(pairs) / 4)
    assert evaluate(other_bundle, bundle_folder, clips).auc == expected


def test_a_champion_that_is_the_candidate_keeps_the_candidates_auc(bundle_folder, tmp_path):
    copy = shutil.copytree(bundle_folder, tmp_path / "copy")
    assert evaluate(copy, bundle_folder, ()) == ChampionScore(0.75)


def test_without_a_champion_there_is_no_score(bundle_folder, tmp_path):
    (tmp_path / "champion").mkdir()
    assert evaluate(tmp_path / "champion", bundle_folder, ()) == ChampionScore(None)
