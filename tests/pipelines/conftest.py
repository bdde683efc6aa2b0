"""A small checkout: its own platforms, tiny settings, twelve short videos."""

import os
from pathlib import Path

import pytest
import yaml

from tests.factories import make_clip

ROOT = Path(__file__).resolve().parents[2]
PLATFORMS = pytest.StashKey[tuple[Path, dict[str, str]]]()
TINY = {
    "data": {"forge": False},
    "preprocessing": {"flow": {"enabled": False}, "speech": {"method": "energy"}},
    "model": {
        "frame_backbone": "resnet10t",
        "frame_weights": "random",
        "input_px": 64,
        "frame_dim": 32,
        "voice_backbone": "tiny",
        "voice_weights": "random",
        "voice_frozen_layers": 0,
        "voice_dim": 16,
    },
    "training": {"epochs": 1, "frames": 3, "audio_s": 0.5, "batch_clips": 4},
    "evaluation": {"resamples": 50},
    "attacks": {
        "epsilons": [0.05],
        "targets": ["frames"],
        "transmitted": {"enabled": True, "clips": 2, "steps": 1, "attackers": ["white_box"]},
    },
    "gates": {
        "auc": {"limit": 0.0, "level": "required"},
        "ece": {"limit": 1.0, "level": "required"},
        "ece_p_value": {"limit": 0.0, "level": "required"},
        "fgsm_drop": {"limit": 1.0, "level": "reported"},
        "transmitted_drop": {"limit": 1.0, "level": "required"},
        "baseline_drop": {"limit": 0.0, "level": "required"},
        "non_inferiority": {"limit": 0.0, "level": "required"},
    },
    "phases": {1: {}},
    "profiles": {"full": {}, "demo": {}},
}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Run a test that uses `platforms` in their folder, and leave the folder after the test.

    The platforms live as long as the session, and tests of other folders may run in between.
    """
    if "platforms" not in item.fixturenames:  # pytest calls this for the tests of all folders
        return (yield)
    environment, folder = dict(os.environ), Path.cwd()
    if PLATFORMS in item.session.stash:
        _enter(*item.session.stash[PLATFORMS])
    try:
        return (yield)
    finally:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)


def _enter(folder, variables):
    os.environ.update(variables)
    os.chdir(folder)


@pytest.fixture(scope="session")
def platforms(request, tmp_path_factory):
    """Enter a folder with its own ZenML, MLflow and BentoML."""
    import mlflow
    from zenml.client import Client
    from zenml.config.global_config import GlobalConfiguration

    root = tmp_path_factory.mktemp("checkout")
    (root / "params.yaml").write_text(yaml.safe_dump(TINY))
    (root / "bento").symlink_to(ROOT / "bento")
    (root / ".zen").mkdir()
    variables = {
        "ZENML_CONFIG_PATH": str(root / "outputs/zenml"),
        "ZENML_REPOSITORY_PATH": str(root),
        "ZENML_CUSTOM_SOURCE_ROOT": str(ROOT),
        "ZENML_ANALYTICS_OPT_IN": "false",
        "MLFLOW_TRACKING_URI": f"sqlite:///{root}/outputs/mlflow.db",
        "MLFLOW_DEFAULT_ARTIFACT_ROOT": str(root / "outputs/mlartifacts"),
        "BENTOML_HOME": str(root / "outputs/bentoml"),
    }
    request.session.stash[PLATFORMS] = root, variables
    mlflow.set_tracking_uri(None)  # Lightning sets it; this deletes the variable as well
    _enter(root, variables)
    GlobalConfiguration._reset_instance()
    Client._reset_instance()
    yield root
    mlflow.set_tracking_uri(None)
    GlobalConfiguration._reset_instance()
    Client._reset_instance()


@pytest.fixture(scope="session")
def footage(platforms, make_video):
    """Twelve videos of six people, a damaged and two sealed ones, and their manifest."""
    from unmask.data.manifest import write_manifest
    from unmask.files import file_sha256
    from unmask.preprocessing.media.probe import probe

    folder = platforms / "footage"
    folder.mkdir()
    clips = []
    for number in range(14):
        person, fake = number // 2, bool(number % 2)
        splits = ("train", "val", "test") if number < 12 else ("sealed",)
        path = make_video(folder / f"{number}.mp4", seconds=1 + number / 100)
        info = probe(path)
        clips.append(
            make_clip(
                clip_id=f"clip-{number}",
                path=path,
                sha256=info.sha256,
                identity=f"person-{person}",
                split=splits[person % len(splits)],
                fake_video=fake,
                manipulation="swap" if fake else "none",
                pair_id=f"pair-{person}",
                duration_s=info.duration_s,
                fps=info.fps,
                width=info.width,
                height=info.height,
                has_audio=info.has_audio,
            )
        )
    damaged = folder / "damaged.mp4"
    damaged.write_bytes(path.read_bytes()[:200])
    clips.append(
        make_clip(
            clip_id="damaged",
            path=damaged,
            sha256=file_sha256(damaged),
            identity="person-7",
            split="train",
        )
    )
    write_manifest(clips, folder)
    return folder
