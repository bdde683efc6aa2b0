import csv
import json
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from unmask.errors import TrainingError
from unmask.evaluation.metrics import roc_auc
from unmask.models.bundle import load_bundle
from unmask.training.detector.fit import fit_features, fit_key
from unmask.training.score_clips import score_features


class KilledError(Exception):
    """What ends a fit as suddenly as a power cut."""


def history(bundle):
    with (bundle.parent / "history.csv").open() as stream:
        return list(csv.DictReader(stream))


def with_training(settings, **changes):
    return settings.replace(training=settings.training.replace(**changes))


def test_a_fit_learns_forgeries_that_are_plain_to_see_and_hear(
    toy_clips, toy_load, tiny_settings, tmp_path
):
    settings = with_training(tiny_settings, epochs=12, patience=12)
    bundle = load_bundle(fit_features(toy_clips, settings, toy_load, tmp_path))
    rows = score_features(bundle, [clip for clip in toy_clips if clip.split == "test"], toy_load)
    logits, labels = np.array([r.logit for r in rows]), np.array([r.is_fake for r in rows])
    assert roc_auc(logits, labels) > 0.9


def test_the_same_seed_twice_gives_the_same_history_and_another_seed_another(
    toy_clips, toy_load, tiny_settings, tmp_path
):
    fits = [
        fit_features(toy_clips, tiny_settings.replace(seed=seed), toy_load, tmp_path / place)
        for seed, place in ((7, "a"), (7, "b"), (8, "c"))
    ]
    first, second, other = (history(bundle) for bundle in fits)
    assert first == second
    assert first != other


def test_the_whole_detector_is_fitted_its_auxiliary_heads_and_all(
    toy_clips, toy_load, tiny_settings, tmp_path
):
    """Points and pose are the same for every face, mirrored or not."""

    def load(clip):
        features = toy_load(clip)
        (person,) = features.people
        points = np.full((5, 68, 2), (111.5, 168), np.float32)
        track = replace(person.track, pose_deg=np.full((5, 3), 18, np.float32) * [0, 1, 0])
        return replace(features, people=(replace(person, landmarks=points, track=track),))

    switches = {"fusion": "attention", "temporal": "transformer", "flow": True, "auxiliary": True}
    settings = with_training(tiny_settings, epochs=3, landmark_weight=1.0, pose_weight=1.0)
    settings = settings.replace(model=settings.model.replace(**switches))
    fitted = fit_features(toy_clips, settings, load, tmp_path)
    rows = history(fitted)
    for name in ("train_landmarks", "train_pose"):
        assert float(rows[-1][name]) < 0.8 * float(rows[0][name])
    (row,) = score_features(load_bundle(fitted), toy_clips[-1:], load)
    assert np.isfinite(row.logit)


def test_a_fit_leaves_torchs_random_state_as_it_was(toy_clips, toy_load, tiny_settings, tmp_path):
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    fit_features(toy_clips, with_training(tiny_settings, epochs=1), toy_load, tmp_path)
    assert torch.equal(torch.rand(3), expected)


def test_a_fit_that_was_interrupted_ends_with_the_weights_of_one_that_was_not(
    toy_clips, toy_load, tiny_settings, tmp_path
):
    whole = fit_features(toy_clips, tiny_settings, toy_load, tmp_path / "whole")

    reads = 0

    def load_until_killed(clip):
        nonlocal reads
        reads += 1
        if reads > 30:  # in the second epoch: one takes 24
            raise KilledError
        return toy_load(clip)

    with pytest.raises(KilledError):
        fit_features(toy_clips, tiny_settings, load_until_killed, tmp_path / "cut")
    cut = fit_features(toy_clips, tiny_settings, toy_load, tmp_path / "cut")
    assert history(cut) == history(whole)
    a, b = load_bundle(whole).first_member.state_dict(), load_bundle(cut).first_member.state_dict()
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_fit_goes_on_after_its_last_epoch_even_if_that_was_not_its_best(
    toy_clips, toy_load, tiny_settings, renamed, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        "unmask.training.detector.lightning_module.roc_auc", lambda *_: 0.5
    )  # the first stays best
    clips = renamed(toy_clips, "train", 0, "broken")
    settings = with_training(tiny_settings, epochs=5)
    seen = []

    def load_until_killed(clip):
        seen.append(clip.clip_id)
        if seen.count("train-1") == 4:
            raise KilledError
        return toy_load(clip)

    with pytest.raises(KilledError):
        fit_features(clips, settings, load_until_killed, tmp_path)
    seen.clear()

    def load(clip):
        seen.append(clip.clip_id)
        return toy_load(clip)

    bundle = fit_features(clips, settings, load, tmp_path)
    assert seen.count("train-1") == 2  # epochs 3 and 4
    assert [row["epoch"] for row in history(bundle)] == list("01234")
    assert set(json.loads((bundle.parent / "skipped.json").read_text())) == {"broken-train-0"}


def test_a_fit_that_is_asked_to_end_says_that_it_is_not_finished(
    toy_clips, toy_load, tiny_settings, tmp_path
):
    def load_and_ask(clip):
        signal.raise_signal(signal.SIGTERM)
        return toy_load(clip)

    with pytest.raises(SystemExit) as ended:
        fit_features(toy_clips, tiny_settings, load_and_ask, tmp_path)
    assert ended.value.code == 128 + signal.SIGTERM
    assert not list(tmp_path.glob("*/bundle"))


def test_a_finished_fit_is_not_repeated(toy_clips, toy_load, tiny_settings, tmp_path):
    first = fit_features(toy_clips, tiny_settings, toy_load, tmp_path)

    def never(clip):
        raise AssertionError(clip)

    assert fit_features(toy_clips, tiny_settings, never, tmp_path) == first


def test_other_settings_or_data_get_a_folder_of_their_own(toy_clips, tiny_settings):
    keys = {
        fit_key(toy_clips, tiny_settings),
        fit_key(toy_clips[1:], tiny_settings),
        fit_key(toy_clips, tiny_settings.replace(seed=8)),
        fit_key(toy_clips, with_training(tiny_settings, epochs=3)),
        fit_key(toy_clips, tiny_settings.replace(model=tiny_settings.model.replace(dropout=0.2))),
    }
    assert len(keys) == 5
    assert fit_key(toy_clips[::-1], tiny_settings) in keys


def test_a_clip_that_cannot_be_used_is_named_and_the_others_are_trained_on(
    toy_clips, toy_load, tiny_settings, renamed, tmp_path
):
    clips = renamed(toy_clips, "train", 0, "broken")
    clips = renamed(clips, "train", 1, "faceless-silent")
    clips = renamed(clips, "val", 0, "broken")
    settings = with_training(tiny_settings, epochs=1, batch_clips=1)
    bundle = fit_features(clips, settings, toy_load, tmp_path)
    skipped = json.loads((bundle.parent / "skipped.json").read_text())
    assert set(skipped) == {"broken-train-0", "faceless-silent-train-1", "broken-val-0"}
    assert "cannot be decoded" in skipped["broken-train-0"]
    assert skipped["faceless-silent-train-1"] == "neither a face nor sound in it"


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_split_without_clips_is_refused(toy_clips, toy_load, tiny_settings, tmp_path, split):
    clips = [clip for clip in toy_clips if clip.split != split]
    with pytest.raises(TrainingError, match="correct the manifest"):
        fit_features(clips, tiny_settings, toy_load, tmp_path)


def test_validation_clips_of_one_kind_are_refused(toy_clips, toy_load, tiny_settings, tmp_path):
    clips = [clip for clip in toy_clips if clip.split != "val" or clip.is_fake]
    with pytest.raises(TrainingError, match="validation clips are fake"):
        fit_features(clips, with_training(tiny_settings, epochs=1), toy_load, tmp_path)
