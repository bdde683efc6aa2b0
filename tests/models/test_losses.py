import math

import pytest
import torch

from unmask.models.detector import Prediction
from unmask.models.losses import Targets, detector_loss, temporal_consistency


def a_prediction(rows, **changes):
    values = {
        "logit": torch.zeros(rows),
        "video_logit": torch.zeros(rows),
        "audio_logit": torch.zeros(rows),
        "frame_logits": torch.zeros(rows, 3),
        "step_logits": torch.zeros(rows, 2),
        "frame_mask": torch.ones(rows, 3, dtype=torch.bool),
        "step_mask": torch.ones(rows, 2, dtype=torch.bool),
        "video": torch.zeros(rows, 4),
        "audio": torch.zeros(rows, 4),
        "uses_video": torch.ones(rows, dtype=torch.bool),
        "uses_audio": torch.ones(rows, dtype=torch.bool),
    }
    return Prediction(**{**values, **changes})


def labels(*pairs):
    return Targets(torch.tensor([v for v, _ in pairs]), torch.tensor([a for _, a in pairs]))


def test_the_parts_add_up_with_their_weights():
    said = a_prediction(
        2,
        logit=torch.tensor([1.0, -2.0]),
        frame_logits=torch.tensor([[-50.0, 50.0, 50.0], [0.0, 0.0, 0.0]]),
    )
    losses = detector_loss(said, labels((True, False), (False, False)), 0.5, 0.1)
    clip = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-2))) / 2
    assert losses.clip.item() == pytest.approx(clip, abs=1e-6)
    assert losses.temporal.item() == pytest.approx(1 / 4)  # one of four pairs goes from 0 to 1
    expected = clip + 0.5 * (math.log(2) + math.log(2)) + 0.1 / 4
    assert losses.total.item() == pytest.approx(expected, abs=1e-6)


def test_what_modality_dropout_took_away_is_not_asked_for():
    targets = labels((False, True), (True, False))
    said = a_prediction(
        2,
        logit=torch.tensor([-30.0, -30.0]),
        uses_audio=torch.tensor([False, True]),
        uses_video=torch.tensor([True, False]),
    )
    assert detector_loss(said, targets, 0.0, 0.0).total.item() == pytest.approx(0, abs=1e-6)


def test_a_missing_modality_has_no_part_in_its_loss():
    nobody = torch.tensor([[True] * 3, [False] * 3])
    said = a_prediction(2, video_logit=torch.tensor([2.0, 9.0]), frame_mask=nobody)
    losses = detector_loss(said, labels((True, False), (False, False)), 1.0, 0.0)
    assert losses.video.item() == pytest.approx(math.log(1 + math.exp(-2)), abs=1e-6)


def test_a_batch_without_any_face_has_finite_losses():
    said = a_prediction(1, frame_mask=torch.zeros(1, 3, dtype=torch.bool))
    losses = detector_loss(said, labels((False, True)), 0.5, 0.1)
    assert losses.video == losses.temporal == 0
    assert torch.isfinite(losses.total)


def test_consistency_looks_at_pairs_of_real_frames_alone():
    logits = torch.tensor([[0.3, -1.2, 4.0, 99.0], [2.0, -99.0, 1.0, 1.0]])
    mask = torch.tensor([[True, True, True, False], [True, False, True, True]])
    p = logits.sigmoid()
    pairs = [(p[0, 0], p[0, 1]), (p[0, 1], p[0, 2]), (p[1, 2], p[1, 3])]
    expected = sum((a - b).item() ** 2 for a, b in pairs) / 3
    assert temporal_consistency(logits, mask).item() == pytest.approx(expected, abs=1e-6)
