"""The step on test clips, with and without own forgeries beside them."""

from dataclasses import replace

import pytest

from steps.evaluate_detector import evaluate_detector
from tests.factories import make_clip
from unmask.config import EvaluationSettings
from unmask.evaluation.cross_dataset import CrossEvaluation
from unmask.evaluation.serialization import read_scores
from unmask.files import file_sha256

SETTINGS = EvaluationSettings(resamples=20)


@pytest.fixture
def clips(make_video, tmp_path):
    """Four test clips of four people."""
    rows = []
    for number in range(4):
        path = make_video(tmp_path / f"{number}.mp4", seconds=0.6 + number / 5)
        names = {"clip_id": f"clip-{number}", "identity": f"person-{number}"}
        kind = {"fake_video": bool(number % 2), "manipulation": "swap" if number % 2 else "none"}
        rows.append(make_clip(path=path, sha256=file_sha256(path), **names, **kind))
    return tuple(rows)


@pytest.mark.usefixtures("checkout")
def test_own_forgeries_change_nothing_but_their_own_row(bundle_folder, clips):
    own = tuple(replace(clip, clip_id=f"own-{clip.clip_id}", own_forgery=True) for clip in clips)
    given = CrossEvaluation("", 0, 0.95, 10, ()), SETTINGS
    (before, plots), (after, plots_beside) = (
        evaluate_detector.entrypoint(bundle_folder, clips, marked, *given, 7)
        for marked in ((), own)
    )
    assert replace(after, own_forgeries={}) == before
    assert after.own_forgeries["test"].value == after.auc
    scores = [folder.joinpath("scores.csv").read_bytes() for folder in (plots, plots_beside)]
    assert scores[0] == scores[1]
    assert len(read_scores(plots_beside / "own_forgeries.csv")) == 4
    assert not (plots / "own_forgeries.csv").exists()
