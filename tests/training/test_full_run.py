import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.models.backbones.speech_models import save_checkpoint
from tests.toy_fixtures import load_toy
from unmask.config import AttackSettings, EnsembleSettings, LipSyncSettings
from unmask.models.bundle import load_bundle
from unmask.models.cam_layer import find_cam_layer
from unmask.models.inference import score_samples
from unmask.models.padding import usable_samples
from unmask.preprocessing.prepare import to_model_inputs
from unmask.robustness.adversarial_evaluation import evaluate_under_attack
from unmask.serving.report_builder import build_model_card
from unmask.training import full_run
from unmask.training.full_run import fit_all, fit_lipsync_if_enabled, train_and_calibrate
from unmask.training.score_frames import score_videos


@pytest.fixture
def run_settings(tiny_settings, toy_load, monkeypatch):
    """Settings of two members that share a frame encoder, on toy clips."""
    for module in ("full_run", "calibration.fit"):
        monkeypatch.setattr(f"unmask.training.{module}.make_feature_loader", lambda *_: toy_load)
    return tiny_settings.replace(
        training=tiny_settings.training.replace(epochs=1),
        ensemble=EnsembleSettings(members=2, shared_frames=True),
    )


def test_members_share_the_frame_encoder_of_the_first(toy_clips, run_settings, tmp_path):
    out = fit_all(toy_clips, run_settings, None, tmp_path / "work", tmp_path / "bundle")
    bundle = load_bundle(out)
    first, second = bundle.members
    assert first.frame.project.weight is second.frame.project.weight
    assert not first.head[0].weight.equal(second.head[0].weight)
    assert bundle.provenance["seed"] == f"{run_settings.seed} {run_settings.seed + 1}"
    assert bundle.data_sets == ("toy",)
    assert bundle.sync is None


def test_a_full_run_ends_with_a_calibrated_bundle(toy_clips, run_settings, tmp_path):
    settings = run_settings.replace(ensemble=EnsembleSettings())
    out = train_and_calibrate(toy_clips, settings, None, tmp_path / "work", tmp_path / "bundle")
    guarantee = load_bundle(out).calibration.guarantee
    assert (guarantee.reals, guarantee.fakes, guarantee.people) == (3, 9, 12)
    uncalibrated = load_bundle(tmp_path / "bundle-uncalibrated")
    assert uncalibrated.calibration.guarantee.reals == 0


def test_lip_sync_is_fitted_only_if_it_is_enabled(toy_clips, tiny_settings, tmp_path, monkeypatch):
    fitted = []

    def fit_lipsync(clips, settings, load, out):
        fitted.append(clips)
        return out / "key" / "weights.safetensors"

    monkeypatch.setattr(full_run, "fit_lipsync", fit_lipsync)
    empty = fit_lipsync_if_enabled(toy_clips, tiny_settings, None, tmp_path)
    assert list(empty.iterdir()) == []
    assert fitted == []
    enabled = tiny_settings.replace(sync=LipSyncSettings(enabled=True))
    assert fit_lipsync_if_enabled(toy_clips, enabled, None, tmp_path) == tmp_path / "key"
    assert fitted == [toy_clips]


def load_silent(clip):
    features = load_toy(clip)
    info = replace(features.info, audio_codec=None)
    return replace(features, info=info, waveform=None, speech_spans_s=np.zeros((0, 2)))


@pytest.fixture
def silent_bundle(toy_clips, run_settings, tmp_path, monkeypatch):
    """A bundle of phase 3's parts, trained on clips without sound; and those clips."""
    for module in ("full_run", "calibration.fit"):
        monkeypatch.setattr(f"unmask.training.{module}.make_feature_loader", lambda *_: load_silent)
    monkeypatch.setattr(full_run, "lip_feature_loader", lambda *_: load_silent)
    clips = tuple(
        replace(clip, has_audio=False, fake_audio=False, is_fake=clip.fake_video)
        for clip in toy_clips
    )
    model = run_settings.model.replace(auxiliary=True, flow=True, fusion="attention")
    settings = run_settings.replace(model=model, sync=LipSyncSettings(enabled=True))
    out = train_and_calibrate(clips, settings, None, tmp_path / "work", tmp_path / "bundle")
    return load_bundle(out), clips


def test_silent_clips_train_a_detector_of_faces_that_tells_why(silent_bundle):
    bundle, _ = silent_bundle
    assert bundle.settings.modalities == ("video",)
    assert bundle.sync is None
    assert bundle.untrained == {
        "audio": "none of 12 training clips has sound",
        "lip_sync": "lip-sync: 0 genuine training clip(s) have lips and sound; two are needed",
    }


def test_a_detector_that_was_trained_without_sound_does_not_listen(silent_bundle):
    bundle, clips = silent_bundle
    silent, sounding = (to_model_inputs(load(clips[0])) for load in (load_silent, load_toy))
    assert len(sounding[0].waveform)
    (first,), (second,) = (score_samples(bundle, samples) for samples in (silent, sounding))
    assert first.logit == second.logit
    assert second.audio_probability is None
    faceless = to_model_inputs(load_toy(replace(clips[0], clip_id="faceless")))
    assert faceless
    assert usable_samples(faceless, bundle.settings) == ()


def test_attacks_on_sound_are_left_out_where_nothing_listens(silent_bundle):
    bundle, clips = silent_bundle
    attacks = AttackSettings(epsilons=(0.05,), targets=("frames", "audio", "both"))
    report = evaluate_under_attack(bundle, clips, load_toy, attacks)
    assert {row.target for row in report.rows} == {"frames"}
    assert report.gate_drop is not None
    assert "audio attacks skipped: the detector uses no sound" in report.skipped


def test_a_clip_without_what_the_detector_uses_is_left_out_with_the_reason(silent_bundle):
    bundle, (clip, *_) = silent_bundle
    faceless = replace(clip, clip_id="faceless")
    assert score_videos(bundle, [faceless], load_toy) == ((), {"faceless": "no face in the clip"})


def test_members_with_encoders_of_their_own_share_no_trained_weight(
    toy_clips, run_settings, tmp_path
):
    settings = run_settings.replace(ensemble=EnsembleSettings(members=2))
    out = fit_all(toy_clips, settings, None, tmp_path / "work", tmp_path / "bundle")
    states = [member.state_dict() for member in load_bundle(out).members]
    # means of inputs apart, which are counted and not trained
    matrices = [key for key, value in states[0].items() if value.ndim > 1]
    assert len(matrices) > 20
    for key in matrices:
        assert not states[0][key].equal(states[1][key]), key


def test_members_of_different_encoders_train_score_and_explain(toy_clips, run_settings, tmp_path):
    folder = tmp_path / "whisper"
    save_checkpoint("whisper", folder)
    ensemble = EnsembleSettings(
        members=2,
        frame_backbones=("test_vit",),
        inputs_px=(48,),
        trainables=("lora",),
        voice_backbones=(str(folder),),
    )
    settings = run_settings.replace(
        ensemble=ensemble, uncertainty=run_settings.uncertainty.replace(passes=2)
    )
    out = train_and_calibrate(toy_clips, settings, None, tmp_path / "work", tmp_path / "bundle")
    shutil.rmtree(folder)  # a bundle needs neither hub nor folder
    bundle = load_bundle(out)
    first, second = bundle.members
    assert second.settings.frame_backbone == "test_vit"
    assert (second.settings.input_px, second.frame.backbone.patch_embed.grid_size) == (48, (3, 3))
    assert second.voice.model.config.model_type == "whisper"
    samples = to_model_inputs(load_toy(toy_clips[0]))
    (score,) = score_samples(bundle, samples[:1], passes=2)
    for member, logit in zip(bundle.members, score.member_logits, strict=True):
        alone = replace(bundle, members=(member,))
        assert score_samples(alone, samples[:1])[0].member_logits == pytest.approx(logit, abs=1e-4)
    assert len(score.pass_logits) == 4
    attacks = AttackSettings(epsilons=(0.05,), targets=("both",))
    report = evaluate_under_attack(bundle, toy_clips, load_toy, attacks)
    assert {row.view for row in report.rows} >= {"white_box", "transfer", "final"}
    card = build_model_card(bundle, bundle.calibration)
    first_name = first.settings.frame_backbone
    assert card.frame_backbone == f"{first_name} (member 1), test_vit (member 2)"
    assert card.voice_backbone == f"tiny (member 1), {folder} (member 2)"
    for member in bundle.members:  # each has a layer for its heat maps
        layer = find_cam_layer(member.frame)
        assert isinstance(member.frame.backbone.get_submodule(layer.name), torch.nn.Module)
    (features,) = bundle.genuine_features.values()
    assert features.shape[1:] == (16, 16)  # of 32 pixels
    assert features.isfinite().all()
