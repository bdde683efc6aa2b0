"""The step on clips of several data sets, of which some are for testing alone."""

from dataclasses import replace

import pytest
from sklearn.metrics import roc_auc_score

from steps.evaluate_cross_dataset import evaluate_cross_dataset
from tests.factories import make_clip
from unmask.config import EvaluationSettings
from unmask.data.test_sets import list_left_out, select_headline_clips, select_unseen_sets
from unmask.errors import DataError
from unmask.files import file_sha256
from unmask.training.score_clips import score_split

SETTINGS = EvaluationSettings(resamples=20)


def list_clips(*sets):
    """Return two clips of each split of each data set, ``(name, splits)``."""
    return [
        make_clip(
            clip_id=f"{name}-{split}-{number}",
            source=name,
            split=split,
            identity=f"{name}-{split}-{number}",
            fake_video=bool(number),
        )
        for name, splits in sets
        for split in splits
        for number in range(2)
    ]


def test_a_set_with_training_or_validation_clips_is_no_unseen_one():
    clips = list_clips(
        ("both", ("train", "val", "test")),
        ("tuned-on", ("val", "test")),
        ("train-only", ("train", "val")),
        ("dfdc", ("test",)),
        ("celebdf", ("test",)),
    )
    unseen = select_unseen_sets(clips)
    assert list(unseen) == ["celebdf", "dfdc"]
    assert [clip.source for clip in unseen["dfdc"]] == ["dfdc", "dfdc"]


def test_a_part_of_a_set_that_was_trained_on_under_another_name_is_no_unseen_set():
    clips = list_clips(
        ("ffpp", ("train", "val", "test")), ("ffpp2", ("test",)), ("celebdf", ("test",))
    )
    parts = [
        replace(clip, published_set="FaceForensics++") if "ffpp" in clip.source else clip
        for clip in clips
    ]
    assert list(select_unseen_sets(clips)) == ["celebdf", "ffpp2"]
    assert list(select_unseen_sets(parts)) == ["celebdf"]
    assert {clip.source for clip in select_headline_clips(parts)} == {"ffpp", "ffpp2"}


def test_the_headline_reads_the_sets_that_are_not_unseen():
    clips = list_clips(
        ("ffpp", ("train", "val", "test")), ("tuned-on", ("val", "test")), ("celebdf", ("test",))
    )
    headline = select_headline_clips(clips)
    assert [clip.source for clip in headline] == ["ffpp", "ffpp", "tuned-on", "tuned-on"]
    assert {clip.split for clip in headline} == {"test"}
    assert list_left_out(clips) == ("celebdf",)
    assert list_left_out(clips[:-2]) == ()


@pytest.mark.parametrize("trained", [(), ("train",), ("train", "val")])
def test_the_headline_reads_all_sets_where_those_trained_on_have_no_test_clips(trained):
    clips = list_clips(("ffpp", trained), ("celebdf", ("test",)), ("dfdc", ("test",)))
    assert {clip.source for clip in select_headline_clips(clips)} == {"celebdf", "dfdc"}


def test_the_headline_reads_all_sets_where_those_trained_on_lack_a_class():
    clips = list_clips(("ffpp", ("train", "test")), ("celebdf", ("test",)))
    fakes = [clip for clip in clips if clip.is_fake or clip.source == "celebdf"]
    assert {clip.source for clip in select_headline_clips(fakes)} == {"celebdf", "ffpp"}


def test_without_a_test_clip_there_is_no_headline():
    with pytest.raises(DataError, match="no clip is in split 'test'"):
        select_headline_clips(list_clips(("ffpp", ("train", "val"))))


@pytest.fixture
def celebdf(make_video, tmp_path):
    """Four test clips of four people, and a damaged one."""
    clips = []
    for number in range(4):
        path = make_video(tmp_path / f"{number}.mp4", seconds=0.6 + number / 5)
        clips.append(
            make_clip(
                clip_id=f"clip-{number}",
                path=path,
                sha256=file_sha256(path),
                source="celebdf",
                identity=f"person-{number}",
                fake_video=bool(number % 2),
                manipulation="swap" if number % 2 else "none",
            )
        )
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(clips[0].path.read_bytes()[:200])
    return (
        *clips,
        make_clip(clip_id="damaged", path=damaged, sha256=file_sha256(damaged), source="celebdf"),
    )


@pytest.mark.usefixtures("checkout")
def test_an_unseen_set_is_measured_by_the_scores_of_the_evaluation(bundle_folder, celebdf):
    trained_on = list_clips(("ffpp", ("train", "val", "test")))
    evaluation = evaluate_cross_dataset.entrypoint(
        bundle_folder, (*trained_on, *celebdf), SETTINGS, 7
    )
    (dataset,) = evaluation.datasets
    rows = score_split(bundle_folder, celebdf[:4], "test", None)
    auc = roc_auc_score([row.is_fake for row in rows], [row.logit for row in rows])
    assert (dataset.name, dataset.clips, dataset.whole.video.count) == ("celebdf", 5, 4)
    assert dataset.whole.video.metrics["auc"].value == pytest.approx(auc)
    assert list(dataset.problems) == ["damaged"]
    assert evaluation.mean_auc.value == pytest.approx(auc)


@pytest.mark.usefixtures("checkout")
def test_where_every_set_is_trained_on_there_is_nothing_to_measure(bundle_folder):
    clips = tuple(list_clips(("ffpp", ("train", "val", "test"))))
    evaluation = evaluate_cross_dataset.entrypoint(bundle_folder, clips, SETTINGS, 7)
    assert (evaluation.datasets, evaluation.mean_auc, evaluation.to_metrics()) == ((), None, {})
