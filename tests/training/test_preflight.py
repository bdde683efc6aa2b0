"""The machine is checked before anything is prepared."""

import pytest

from tests.factories import make_clip
from unmask.config import ModelSettings, Settings
from unmask.errors import DataError, TrainingError, WeightsError
from unmask.models.backbones import hub
from unmask.training import preflight

FULL = Settings(model=ModelSettings(frame_backbone="resnet18"))


def test_weights_that_cannot_be_had_are_an_error_before_the_work(monkeypatch):
    monkeypatch.setattr(hub, "_is_hub_reachable", lambda: False)
    monkeypatch.setenv("HF_HUB_CACHE", "/nonexistent")
    monkeypatch.setattr(hub, "snapshot_download", _missing)
    with pytest.raises(WeightsError, match=r"not in the local cache; set model\.frame_weights"):
        list(preflight.check_machine(FULL))


def _missing(repo, **options):
    raise OSError(f"{repo}: not cached")


def test_a_voice_that_cannot_be_had_is_an_error_too(monkeypatch):
    monkeypatch.setattr(preflight, "FrameEncoder", lambda settings: None)
    monkeypatch.setattr(hub, "_is_hub_reachable", lambda: False)
    monkeypatch.setattr(hub, "snapshot_download", _missing)
    with pytest.raises(WeightsError, match=r"set model\.voice_backbone"):
        list(preflight.check_machine(FULL))


def test_random_weights_need_nothing(monkeypatch):
    monkeypatch.setattr(preflight, "FrameEncoder", None)  # would fail if it was called
    settings = Settings(model=ModelSettings(frame_weights="random", voice_weights="random"))
    assert list(preflight.check_machine(settings)) == []


def test_a_cpu_and_a_small_memory_are_remarked_on(monkeypatch):
    monkeypatch.setattr(preflight, "FrameEncoder", lambda settings: None)
    monkeypatch.setattr(preflight, "load_voice", lambda backbone, weights: None)
    monkeypatch.setattr(preflight, "_machine_memory", lambda: 4 * preflight.GIB)
    settings = FULL.replace(training=FULL.training.replace(accelerator="cpu"))
    gpu, memory = preflight.check_machine(settings)
    assert gpu.startswith("no GPU: resnet18 is trained on the CPU")
    assert memory.startswith("4.0 GiB of memory; 8 are advisable")


def test_missing_devices_are_an_error():
    training = FULL.training.replace(accelerator="gpu", devices=64)
    with pytest.raises(TrainingError, match="training"):
        list(preflight.check_machine(FULL.replace(training=training)))


def test_features_that_do_not_fit_on_the_disk_are_an_error(monkeypatch, tmp_path):
    usage = type("Usage", (), {"free": 10**9})
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda place: usage)
    short, long = make_clip(duration_s=60.0), make_clip(duration_s=3600.0)
    preflight.check_disk([short], Settings(), tmp_path / "data/cache")
    with pytest.raises(DataError, match=r"take about 4\.7 GiB, and 0\.9 GiB are free"):
        preflight.check_disk([long], Settings(), tmp_path / "data/cache")


def test_copies_of_training_clips_and_source_faces_count():
    train = make_clip(duration_s=10.0, split="train")
    plain = preflight.estimate_cache_bytes([train], Settings())
    assert plain == 14e6
    settings = Settings()
    copied = settings.replace(
        augmentation=settings.augmentation.replace(
            reencode=0.5, reencodings=("h264:23", "h264:28")
        ),
        preprocessing=settings.preprocessing.replace(
            source_faces=settings.preprocessing.source_faces.replace(enabled=True)
        ),
    )
    assert preflight.estimate_cache_bytes([train], copied) == 3 * 14e6 + 3e6
    test = make_clip(duration_s=10.0, split="test")
    assert preflight.estimate_cache_bytes([test], copied) == 14e6
