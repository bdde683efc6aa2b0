"""Helpers that tests of several packages share."""

import os
import time
from pathlib import Path

import numpy as np

from unmask.records import FOOTAGE_FACTS

TIMEOUT_S = 150.0  # generous: tests may share the machine
NO_FOOTAGE = np.full(len(FOOTAGE_FACTS), np.nan)  # neither picture nor sound was measured


def wait_until(condition, timeout_s=TIMEOUT_S, interval_s=0.02):
    """Poll ``condition`` until it is truthy and return its value; fail after ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"still false after {timeout_s:g} s"
        time.sleep(interval_s)
    return value


def importing_tests():
    """Return the environment of a process whose script imports ``tests``."""
    root = str(Path(__file__).resolve().parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join((root, os.environ.get("PYTHONPATH", "")))}


def make_model_settings(**changes):
    """Return settings of a detector that is built and run in a moment, without downloads."""
    from unmask.config import ModelSettings

    tiny = {
        "frame_backbone": "test_resnet",
        "frame_weights": "random",
        "input_px": 32,
        "frame_dim": 16,
        "voice_backbone": "tiny",
        "voice_weights": "random",
        "voice_frozen_layers": 0,
        "voice_dim": 8,
    }
    return ModelSettings(**{**tiny, **changes})


def make_clip(**changes):
    """Return the row of a genuine test clip; ``is_fake`` follows from its parts."""
    from pathlib import Path

    from unmask.records import Clip

    name = changes.get("clip_id", "clip")
    values = {
        "clip_id": name,
        "path": Path(f"/nowhere/{name}.mp4"),
        "sha256": "0" * 64,
        "source": "toy",
        "identity": "ann",
        "split": "test",
        "fake_video": False,
        "fake_audio": False,
        "manipulation": "none",
        "pair_id": name,
        "duration_s": 2.0,
        "fps": 25.0,
        "width": 64,
        "height": 64,
        "has_audio": True,
        "licence": "",
    } | changes
    parts = values["fake_video"], values["fake_audio"], values.get("mismatched", False)
    values.setdefault("is_fake", parts != (False, False, False))
    return Clip(**values)


def make_evaluation(**changes):
    """Return the evaluation of a detector on twenty test clips."""
    from unmask.evaluation.evaluate import Evaluation

    values = {
        "split": "test",
        "clips": 20,
        "fakes": 10,
        "reals": 10,
        "identities": 5,
        "confidence": 0.95,
        "bins": 10,
        "auc": 0.875,
        "auc_low": 0.7,
        "auc_high": 0.95,
        "eer": 0.2,
        "fpr95": 0.4,
        "ece": 0.04,
        "ece_p_value": 0.6,
        "ece_by_chance": 0.03,
        "brier": 0.1,
        "nll": 0.4,
    }
    return Evaluation(**{**values, **changes})


def make_targets(fake_video, fake_audio):
    """Return the labels of clips of which both parts are known.

    Args:
        fake_video, fake_audio: Booleans, one per clip.
    """
    import torch

    from unmask.models.losses import Targets

    video, audio = torch.tensor(fake_video), torch.tensor(fake_audio)
    known = torch.ones_like(video)
    return Targets(video | audio, video, audio, known, known)
