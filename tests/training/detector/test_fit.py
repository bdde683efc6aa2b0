import csv
import json
import signal
from dataclasses import replace
from itertools import count, repeat

import numpy as np
import pytest
import torch

from tests.toy_fixtures import with_face_targets
from unmask.config import ValidationSettings
from unmask.data.torch.evaluation_set import NO_MODALITY
from unmask.data.validation_sets import divide_validation
from unmask.errors import DataError, TrainingError, WeightsError
from unmask.evaluation.metrics import roc_auc
from unmask.models.bundle import load_bundle
from unmask.training.detector.fit import fit, fit_key
from unmask.training.detector.trainer import LAST
from unmask.training.score_clips import score_clips


class KilledError(BaseException):
    """Ends a fit without clean-up, as a power cut would."""


def history(bundle):
    with (bundle.parent / "history.csv").open() as stream:
        return list(csv.DictReader(stream))


def with_training(settings, **changes):
    return settings.replace(training=settings.training.replace(**changes))


def test_a_fit_learns_obvious_forgeries(toy_clips, toy_load, tiny_settings, tmp_path):
    settings = with_training(tiny_settings, epochs=12, patience=12)
    bundle = load_bundle(fit(toy_clips, settings, toy_load, tmp_path))
    rows = score_clips(bundle, [clip for clip in toy_clips if clip.split == "test"], toy_load)
    logits, labels = np.array([r.logit for r in rows]), np.array([r.is_fake for r in rows])
    assert roc_auc(logits, labels) > 0.9


def test_a_balanced_fit_learns_as_well(toy_clips, toy_load, tiny_settings, tmp_path):
    settings = with_training(tiny_settings, epochs=12, patience=12, balanced=True)
    rows = history(fit(toy_clips, settings, toy_load, tmp_path))
    assert max(float(row["val_auc"]) for row in rows) > 0.9


def test_a_fit_without_its_vocoder_is_refused_before_it_starts(
    toy_clips, toy_load, tiny_settings, tmp_path, monkeypatch
):
    monkeypatch.setenv("UNMASK_WEIGHTS_DIR", str(tmp_path / "weights"))
    forged = ("convert", "hifigan-universal", "hifigan-ljspeech")
    settings = with_training(tiny_settings, fake_source="both", voice_forgeries=forged)
    with pytest.raises(WeightsError, match="weights get hifigan-universal hifigan-ljspeech"):
        fit(toy_clips, settings, toy_load, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_fit_is_reproducible_with_the_same_seed_only(
    toy_clips, toy_load, tiny_settings, tmp_path
):
    bundles = [
        fit(toy_clips, tiny_settings.replace(seed=seed), toy_load, tmp_path / name)
        for seed, name in ((7, "a"), (7, "b"), (8, "c"))
    ]
    first, second, other = (history(bundle) for bundle in bundles)
    assert first == second
    assert first != other


def test_a_fit_includes_the_auxiliary_heads(toy_clips, toy_load, tiny_settings, tmp_path):
    """Landmarks and pose are the same for every face, mirrored or not."""

    def load(clip):
        return with_face_targets(toy_load(clip), (111.5, 168), (0, 18, 0))

    switches = {"fusion": "attention", "temporal": "transformer", "flow": True, "auxiliary": True}
    settings = with_training(tiny_settings, epochs=3, landmark_weight=1.0, pose_weight=1.0)
    settings = settings.replace(model=settings.model.replace(**switches))
    bundle = fit(toy_clips, settings, load, tmp_path)
    rows = history(bundle)
    for name in ("train_landmarks", "train_pose"):
        assert float(rows[-1][name]) < 0.8 * float(rows[0][name])
    (row,) = score_clips(load_bundle(bundle), toy_clips[-1:], load)
    assert np.isfinite(row.logit)


def test_a_fit_restores_the_random_state_of_torch(toy_clips, toy_load, tiny_settings, tmp_path):
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    fit(toy_clips, with_training(tiny_settings, epochs=1), toy_load, tmp_path)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
@pytest.mark.parametrize("trainable", ["all", "none"])
def test_an_interrupted_fit_ends_with_the_weights_of_an_uninterrupted_one(
    toy_clips, toy_load, tiny_settings, tmp_path, ema_decay, trainable
):
    tiny_settings = with_training(tiny_settings, ema_decay=ema_decay)
    tiny_settings = tiny_settings.replace(
        model=tiny_settings.model.replace(trainable=trainable, flow=False)
    )
    uninterrupted = fit(toy_clips, tiny_settings, toy_load, tmp_path / "uninterrupted")

    reads = 0

    def load_until_killed(clip):
        nonlocal reads
        reads += 1
        # in the second epoch: each reads 24 clips, and the features of a fixed backbone do
        if reads > (30 if trainable == "all" else 54):
            raise KilledError
        return toy_load(clip)

    with pytest.raises(KilledError):
        fit(toy_clips, tiny_settings, load_until_killed, tmp_path / "resumed")
    (last,) = tmp_path.glob(f"resumed/*/{LAST}")
    stored = torch.load(last, weights_only=True)["state_dict"]
    has_backbone = any(name.startswith("detector.frame.backbone.") for name in stored)
    assert has_backbone is (trainable == "all")
    resumed = fit(toy_clips, tiny_settings, toy_load, tmp_path / "resumed")
    assert history(resumed) == history(uninterrupted)
    a, b = (load_bundle(path).first_member.state_dict() for path in (uninterrupted, resumed))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_the_moving_average_of_the_weights_is_what_is_kept(
    toy_clips, toy_load, tiny_settings, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        "unmask.training.detector.lightning_module.roc_auc", lambda *_: 0.5
    )  # so that the first epoch is kept

    def head(ema_decay):
        settings = with_training(tiny_settings, ema_decay=ema_decay)
        bundle = load_bundle(fit(toy_clips, settings, toy_load, tmp_path / str(ema_decay)))
        return bundle.first_member.state_dict()["head.0.weight"]

    torch.testing.assert_close(head(1e-7), head(0.0), rtol=0, atol=1e-6)
    assert not torch.allclose(head(0.9), head(0.0), rtol=0, atol=1e-4)


@pytest.mark.parametrize("improves", [True, False])
def test_the_last_epoch_is_kept_where_the_settings_say_so(
    toy_clips, toy_load, tiny_settings, tmp_path, monkeypatch, improves
):
    aucs = count(start=0.1, step=0.01) if improves else repeat(0.5)
    module = "unmask.training.detector.lightning_module"
    monkeypatch.setattr(f"{module}.roc_auc", lambda *_: next(aucs))
    best, last = (
        load_bundle(
            fit(
                toy_clips,
                with_training(tiny_settings, epochs=2, keep_epoch=kept),
                toy_load,
                tmp_path,
            )
        ).first_member.state_dict()
        for kept in ("best", "last")
    )
    assert all(torch.equal(best[name], last[name]) for name in best) is improves


def test_a_fit_resumes_after_its_last_epoch_and_not_after_its_best(
    toy_clips, toy_load, tiny_settings, rename_clip, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        "unmask.training.detector.lightning_module.roc_auc", lambda *_: 0.5
    )  # so the first epoch stays the best
    clips = rename_clip(toy_clips, "train", 0, "broken")
    settings = with_training(tiny_settings, epochs=5)
    loaded = []

    def load_until_killed(clip):
        loaded.append(clip.clip_id)
        if loaded.count("train-1") == 4:
            raise KilledError
        return toy_load(clip)

    with pytest.raises(KilledError):
        fit(clips, settings, load_until_killed, tmp_path)
    loaded.clear()

    def load(clip):
        loaded.append(clip.clip_id)
        return toy_load(clip)

    bundle = fit(clips, settings, load, tmp_path)
    assert loaded.count("train-1") == 2  # epochs 3 and 4
    assert [row["epoch"] for row in history(bundle)] == list("01234")
    assert set(json.loads((bundle.parent / "skipped.json").read_text())) == {"broken-train-0"}


def test_a_fit_that_gets_sigterm_exits_with_its_signal(
    toy_clips, toy_load, tiny_settings, tmp_path
):
    def load_and_terminate(clip):
        signal.raise_signal(signal.SIGTERM)
        return toy_load(clip)

    with pytest.raises(SystemExit) as exit_info:
        fit(toy_clips, tiny_settings, load_and_terminate, tmp_path)
    assert exit_info.value.code == 128 + signal.SIGTERM
    assert not list(tmp_path.glob("*/bundle"))


def test_a_finished_fit_is_not_repeated(toy_clips, toy_load, tiny_settings, tmp_path):
    first = fit(toy_clips, tiny_settings, toy_load, tmp_path)

    def fail(clip):
        raise AssertionError(clip)

    assert fit(toy_clips, tiny_settings, fail, tmp_path) == first


def test_other_settings_or_data_have_another_key(toy_clips, tiny_settings):
    keys = {
        fit_key(toy_clips, tiny_settings),
        fit_key(toy_clips[1:], tiny_settings),
        fit_key(toy_clips, tiny_settings.replace(seed=8)),
        fit_key(toy_clips, with_training(tiny_settings, epochs=3)),
        fit_key(toy_clips, tiny_settings.replace(model=tiny_settings.model.replace(dropout=0.2))),
        fit_key(toy_clips, tiny_settings.replace(validation=ValidationSettings(seed=1))),
    }
    assert len(keys) == 6
    assert fit_key(toy_clips[::-1], tiny_settings) in keys


def test_a_clip_that_cannot_be_used_is_recorded_and_the_others_are_trained_on(
    toy_clips, toy_load, tiny_settings, rename_clip, tmp_path
):
    clips = rename_clip(toy_clips, "train", 0, "broken")
    clips = rename_clip(clips, "val", 1, "faceless-silent")
    settings = with_training(tiny_settings, epochs=1, batch_clips=1)
    bundle = fit(clips, settings, toy_load, tmp_path)
    skipped = json.loads((bundle.parent / "skipped.json").read_text())
    assert set(skipped) == {"broken-train-0", "faceless-silent-val-1"}
    assert "cannot be decoded" in skipped["broken-train-0"]
    assert skipped["faceless-silent-val-1"] == NO_MODALITY


def test_a_bug_that_one_clip_triggers_does_not_end_the_fit(
    toy_clips, toy_load, tiny_settings, tmp_path
):
    def load(clip):
        return 1 / 0 if clip.clip_id == "train-3" else toy_load(clip)

    bundle = fit(toy_clips, with_training(tiny_settings, epochs=1), load, tmp_path)
    (skipped,) = json.loads((bundle.parent / "skipped.json").read_text()).items()
    assert skipped[0] == "train-3"
    assert "ZeroDivisionError: division by zero; please report" in skipped[1]


def test_a_fit_that_loses_more_than_a_tenth_of_its_clips_is_refused(
    toy_clips, toy_load, tiny_settings, rename_clip, tmp_path
):
    clips = toy_clips
    for number in range(3):
        clips = rename_clip(clips, "train", number, "broken")
    with pytest.raises(DataError, match="3 of 24 clips cannot be used, more than 10%"):
        fit(clips, with_training(tiny_settings, epochs=1), toy_load, tmp_path)


def test_files_without_any_stream_that_the_detector_uses_are_not_lost(
    toy_clips, toy_load, tiny_settings, tmp_path, caplog
):
    """Sound that is all genuine leaves a detector of faces, of which recordings say nothing."""
    voices = [
        replace(clip, clip_id=f"faceless-{clip.clip_id}", width=0, height=0)
        for clip in toy_clips
        if clip.split != "test" and not clip.is_fake
    ]
    films = [clip for clip in toy_clips if not clip.fake_audio]
    settings = with_training(tiny_settings, epochs=1)
    loaded = set()

    def load(clip):
        loaded.add(clip.clip_id)
        return toy_load(clip)

    bundle = fit([*films, *voices], settings, load, tmp_path)
    assert load_bundle(bundle).settings.modalities == ("video",)
    assert json.loads((bundle.parent / "skipped.json").read_text()) == {}
    assert loaded == {clip.clip_id for clip in films if clip.split != "test"}
    assert "6 of 18 clips have no video" in caplog.text


def test_clips_that_calibrate_are_not_read(toy_clips, toy_load, tiny_settings, tmp_path):
    divided = ValidationSettings(select_share=0.34)
    settings = with_training(tiny_settings, epochs=1).replace(validation=divided)
    loaded = set()

    def load(clip):
        loaded.add(clip)
        return toy_load(clip)

    bundle = fit(toy_clips, settings, load, tmp_path)
    sets = divide_validation(toy_clips, divided)
    train = {clip for clip in toy_clips if clip.split == "train"}
    assert loaded == train | set(sets.select)
    assert len(sets.calibrate) == 12 - len(sets.select) > 0
    assert load_bundle(bundle).validation == divided


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_split_without_clips_is_refused(toy_clips, toy_load, tiny_settings, tmp_path, split):
    clips = [clip for clip in toy_clips if clip.split != split]
    with pytest.raises(TrainingError, match="correct the manifest"):
        fit(clips, tiny_settings, toy_load, tmp_path)


def test_validation_clips_of_a_single_class_are_refused(
    toy_clips, toy_load, tiny_settings, tmp_path
):
    clips = [clip for clip in toy_clips if clip.split != "val" or clip.is_fake]
    with pytest.raises(TrainingError, match="validation clips are fake"):
        fit(clips, with_training(tiny_settings, epochs=1), toy_load, tmp_path)
