import pytest

from unmask.config import EnsembleSettings, LipSyncSettings
from unmask.models.bundle import load_bundle
from unmask.training import full_run
from unmask.training.full_run import fit_all, fit_lipsync_if_enabled, train_and_calibrate


@pytest.fixture
def run_settings(tiny_settings, toy_load, monkeypatch):
    """Settings of two members that share a frame encoder, on toy clips."""
    for module in ("full_run", "calibration.fit"):
        monkeypatch.setattr(
            f"unmask.training.{module}.make_feature_loader", lambda settings, cache, clips: toy_load
        )
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
