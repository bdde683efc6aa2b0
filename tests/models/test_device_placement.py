"""Bundles are measured on the accelerator, and members still share layers there."""

from pathlib import Path

import pytest
import torch

from steps.evaluate_codecs import evaluate_codecs
from steps.evaluate_robustness import evaluate_robustness
from tests.factories import make_clip
from unmask.cli.eval import attack, calibration, codecs, face_heads
from unmask.config import (
    AttackSettings,
    CalibrationPlan,
    CodecSettings,
    EvaluationSettings,
    PreprocessingSettings,
    UncertaintySettings,
)
from unmask.models import device_placement
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.device_placement import move_bundle
from unmask.models.ensemble.shared_encoders import shares_parameters
from unmask.models.ensemble.weight_packing import share_parameters
from unmask.models.lipsync.network import SyncNet
from unmask.preprocessing.cache import Cache
from unmask.training.calibration.fit import calibrate_bundle
from unmask.training.cross_dataset import CrossOptions, evaluate_on_folders, evaluate_unseen_sets
from unmask.training.reference_scores import ReferenceDetector, compare_on_test
from unmask.training.score_clips import score_split
from unmask.training.sealed_evaluation import evaluate_sealed

NOWHERE, CACHE = Path("nowhere"), Cache(Path("nowhere"))
CLIPS = tuple(make_clip(split=split) for split in ("val", "test"))
MEASURED = EvaluationSettings()


def on(bundle):
    """Return arguments of a command that works with the settings of a phase."""
    return {"bundle": bundle, "manifest": NOWHERE, "phase": 1, "profile": "demo", "set_": None}


ENTRY_POINTS = {
    "score_split": lambda bundle: score_split(bundle, CLIPS, "test", CACHE),
    "calibrate": lambda bundle: calibrate_bundle(
        bundle, CLIPS, CACHE, CalibrationPlan(rates=UncertaintySettings()), NOWHERE
    ),
    "baseline": lambda bundle: compare_on_test(
        ReferenceDetector(bundle), (), CLIPS, CACHE, MEASURED, 0
    ),
    "sealed": lambda bundle: evaluate_sealed((bundle, NOWHERE), CLIPS, CACHE, MEASURED, 0, NOWHERE),
    "crosseval": lambda bundle: evaluate_on_folders(bundle, {}, CACHE, MEASURED, CrossOptions()),
    "unseen sets": lambda bundle: evaluate_unseen_sets(bundle, CLIPS, CACHE, MEASURED, 0),
    "robustness": lambda bundle: evaluate_robustness.entrypoint(
        bundle, CLIPS, AttackSettings(), MEASURED, 0
    ),
    "codecs": lambda bundle: evaluate_codecs.entrypoint(
        bundle, CLIPS, CodecSettings(), MEASURED, 0
    ),
    "eval attack": lambda bundle: attack.command(**on(bundle)),
    "eval codecs": lambda bundle: codecs.command(**on(bundle)),
    "eval calibration": lambda bundle: calibration.command(**on(bundle)),
    "eval face-heads": lambda bundle: face_heads.command(bundle, NOWHERE),
}


class _MovedError(Exception):
    pass


@pytest.mark.parametrize("measure", ENTRY_POINTS.values(), ids=ENTRY_POINTS)
def test_clips_are_measured_on_the_accelerator(measure, bundle_folder, monkeypatch):
    def refuse_to_move(bundle, device):
        assert isinstance(bundle, Bundle)
        raise _MovedError(device.type)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(device_placement, "move_bundle", refuse_to_move)
    with pytest.raises(_MovedError, match="cuda"):
        measure(bundle_folder)


def test_moved_members_share_what_they_shared_and_nothing_else(tiny, make_detector):
    members = tuple(make_detector(tiny, seed) for seed in range(3))
    frame = [name for name in members[0].state_dict() if name.startswith("frame.")]
    first, second, third = members
    share_parameters(first, second, frame)
    sync = SyncNet(8)
    bundle = Bundle(members, PreprocessingSettings(), Calibration(), 1, "demo", sync=sync)
    assert any("running_mean" in name for name in frame)  # buffers, which a move replaces

    moved = move_bundle(bundle, torch.device("meta"))

    networks = (*moved.members, moved.sync)
    tensors = [value for network in networks for value in network.state_dict().values()]
    assert {tensor.device.type for tensor in tensors} == {"meta"}
    assert shares_parameters(first.frame, second.frame)
    assert not shares_parameters(first.temporal, second.temporal)
    assert not shares_parameters(first.frame, third.frame)
