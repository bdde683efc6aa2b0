"""Steps of development that are given sealed clips: none of them is ever opened."""

from dataclasses import replace

import pytest

from tests.toy_fixtures import load_toy
from unmask.config import AttackSettings, EvaluationSettings
from unmask.data.manifest import read_all_clips, read_manifest, write_manifest
from unmask.data.torch import evaluation_set
from unmask.errors import DataError
from unmask.models.bundle import load_bundle
from unmask.robustness.adversarial_evaluation import evaluate_under_attack
from unmask.training.calibration.comparison import compare_calibration
from unmask.training.experiments.sweep import Trial, sweep
from unmask.training.full_run import train_and_calibrate
from unmask.training.score_clips import score_split


@pytest.fixture
def clips(toy_clips, tmp_path):
    """The toy clips and twelve sealed ones, from a manifest."""
    sealed = [
        replace(clip, clip_id=f"sealed-{n}", identity=f"sealed-{n}", pair_id=f"sealed-{n}",
                path=clip.path.with_name(f"sealed-{n}.mp4"), sha256=f"{100 + n:064x}",
                split="sealed")
        for n, clip in enumerate(toy_clips[:12])
    ]  # fmt: skip
    write_manifest([*toy_clips, *sealed], tmp_path)
    return read_all_clips(tmp_path)


@pytest.fixture
def opened(clips, monkeypatch):
    """Splits of the clips whose media were opened."""
    by_path, splits = {clip.path: clip for clip in clips}, set()

    def prepare(path, settings, cache):
        splits.add(by_path[path].split)
        return load_toy(by_path[path])

    monkeypatch.setattr(evaluation_set, "prepare_clip", prepare)
    return splits


def test_no_step_of_development_opens_a_sealed_clip(clips, opened, tiny_settings, tmp_path):
    settings = tiny_settings.replace(training=tiny_settings.training.replace(epochs=1))
    out = train_and_calibrate(clips, settings, None, tmp_path / "work", tmp_path / "bundle")
    assert opened == {"train", "val"}
    assert {row.split for row in score_split(out, clips, "test", None)} == {"test"}
    bundle = load_bundle(out)
    load = evaluation_set.make_feature_loader(settings.preprocessing, None)
    evaluate_under_attack(bundle, clips, load, AttackSettings(epsilons=(0.05,)))
    compare_calibration(bundle, clips, load, 2, EvaluationSettings(bins=5))
    assert opened == {"train", "val", "test"}


def test_a_step_that_asks_for_sealed_clips_is_refused(clips, opened, tiny_settings, tmp_path):
    with pytest.raises(DataError, match="scored by `python -m pipelines release` alone"):
        sweep([Trial((), tiny_settings)], clips, None, tmp_path)
    with pytest.raises(DataError, match="scored by `python -m pipelines release` alone"):
        score_split(tmp_path, clips, "sealed", None)
    assert opened == set()


def test_a_manifest_is_read_without_its_sealed_clips(clips, toy_clips, tmp_path):
    assert [clip.clip_id for clip in read_manifest(tmp_path)] == [c.clip_id for c in toy_clips]
    write_manifest([clip for clip in clips if clip.split == "sealed"], tmp_path)
    with pytest.raises(DataError, match="all 12 clips are sealed"):
        read_manifest(tmp_path)
