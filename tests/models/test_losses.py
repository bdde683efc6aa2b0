import math
from dataclasses import fields, replace

import pytest
import torch

from tests.factories import make_targets
from unmask.models.detector import DetectorOutput
from unmask.models.layers.frame_times import FrameTimes
from unmask.models.layers.fusion import noisy_or_logit
from unmask.models.losses import (
    LossWeights,
    Targets,
    detach_modalities,
    detector_loss,
    masked_mae,
    moment_bce,
    temporal_consistency,
)


def make_output(rows, **changes):
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
    return DetectorOutput(**{**values, **changes})


def labels(*pairs):
    videos, audios = zip(*pairs, strict=True)
    return make_targets(videos, audios)


def unknown_parts(*is_fake):
    nothing = torch.zeros(len(is_fake), dtype=torch.bool)
    return Targets(torch.tensor(is_fake), nothing, nothing, nothing, nothing)


def test_loss_terms_add_up_with_their_weights():
    output = make_output(
        2,
        logit=torch.tensor([1.0, -2.0]),
        frame_logits=torch.tensor([[-50.0, 50.0, 50.0], [0.0, 0.0, 0.0]]),
    )
    losses = detector_loss(output, labels((True, False), (False, False)), LossWeights(0.5, 0.1))
    clip = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-2))) / 2
    assert losses.clip.item() == pytest.approx(clip, abs=1e-6)
    assert losses.temporal.item() == pytest.approx(1 / 4)  # one of four pairs goes from 0 to 1
    expected = clip + 0.5 * (math.log(2) + math.log(2)) + 0.1 / 4
    assert losses.total.item() == pytest.approx(expected, abs=1e-6)


def test_dropped_modality_does_not_count_in_the_label():
    targets = labels((False, True), (True, False))
    output = make_output(
        2,
        logit=torch.tensor([-30.0, -30.0]),
        uses_audio=torch.tensor([False, True]),
        uses_video=torch.tensor([True, False]),
    )
    assert detector_loss(output, targets, LossWeights(0.0, 0.0)).total.item() == pytest.approx(
        0, abs=1e-6
    )


def test_mismatched_pair_is_fake_together_and_genuine_apart():
    targets = replace(labels(*[(False, False)] * 4), is_fake=torch.ones(4, dtype=torch.bool))
    output = make_output(
        4,
        logit=torch.tensor([30.0, -30.0, -30.0, -30.0]),
        video_logit=torch.full((4,), -30.0),
        audio_logit=torch.full((4,), -30.0),
        uses_video=torch.tensor([True, True, False, False]),
        uses_audio=torch.tensor([True, False, True, False]),
    )
    assert detector_loss(output, targets, LossWeights(1.0, 0.0)).total.item() == pytest.approx(
        0, abs=1e-6
    )


def test_unknown_part_is_never_taken_for_genuine():
    output = make_output(1, video_logit=torch.tensor([5.0]), audio_logit=torch.tensor([-5.0]))
    losses = detector_loss(output, unknown_parts(True), LossWeights(1.0, 0.0))
    assert losses.video == losses.audio == 0
    either = 1 - torch.sigmoid(torch.tensor(-5.0)) * torch.sigmoid(torch.tensor(5.0))
    assert losses.parts.item() == pytest.approx(-math.log(either), abs=1e-6)


def test_label_of_the_clip_teaches_the_parts_through_their_noisy_or():
    video, audio = (torch.zeros(1, requires_grad=True) for _ in range(2))
    both = torch.ones(1, dtype=torch.bool)
    joined = noisy_or_logit(video, audio, both, both)
    output = make_output(1, logit=joined, video_logit=video, audio_logit=audio)
    output = detach_modalities(output)
    losses = detector_loss(output, unknown_parts(True), LossWeights(1.0, 0.0))
    for part in torch.autograd.grad(losses.total, (video, audio)):
        assert part < 0  # a step against the gradient raises the score


def test_known_part_is_taught_by_its_own_label():
    half = replace(
        unknown_parts(True), fake_video=torch.tensor([True]), knows_video=torch.tensor([True])
    )
    losses = detector_loss(make_output(1), half, LossWeights(1.0, 0.0))
    assert losses.video.item() == pytest.approx(math.log(2))
    assert losses.audio == 0


def test_clip_whose_known_part_was_dropped_counts_in_no_loss_of_the_clip():
    output = make_output(2, logit=torch.tensor([3.0, 3.0]), uses_audio=torch.tensor([False, True]))
    losses = detector_loss(output, unknown_parts(True, False), LossWeights(0.0, 0.0))
    assert losses.clip.item() == pytest.approx(3 + math.log(1 + math.exp(-3)), abs=1e-6)


def test_missing_modality_is_left_out_of_its_loss():
    nobody = torch.tensor([[True] * 3, [False] * 3])
    output = make_output(2, video_logit=torch.tensor([2.0, 9.0]), frame_mask=nobody)
    losses = detector_loss(output, labels((True, False), (False, False)), LossWeights(1.0, 0.0))
    assert losses.video.item() == pytest.approx(math.log(1 + math.exp(-2)), abs=1e-6)


def test_batch_without_faces_has_finite_losses():
    output = make_output(1, frame_mask=torch.zeros(1, 3, dtype=torch.bool))
    losses = detector_loss(output, labels((False, True)), LossWeights(0.5, 0.1))
    assert losses.video == losses.temporal == 0
    assert torch.isfinite(losses.total)


def test_detached_modalities_keep_the_score_and_get_no_gradient_from_the_clip_loss():
    video, audio, joint = (torch.tensor([x, -x], requires_grad=True) for x in (0.7, -1.1, 0.2))
    uses = torch.ones(2, dtype=torch.bool)
    together = make_output(
        2,
        logit=noisy_or_logit(video, audio, uses, uses) + joint,
        video_logit=video,
        audio_logit=audio,
    )
    separate = detach_modalities(together)
    torch.testing.assert_close(separate.logit, together.logit)
    truth = labels((True, False), (False, False))
    joined = detector_loss(together, truth, LossWeights(0.0, 0.0)).clip
    for part in torch.autograd.grad(joined, (video, audio, joint), retain_graph=True):
        assert (part != 0).all()
    losses = detector_loss(separate, truth, LossWeights(1.0, 0.0))
    alone = torch.autograd.grad(losses.clip, (video, audio, joint), retain_graph=True)
    assert [bool((part != 0).any()) for part in alone] == [False, False, True]
    assert (torch.autograd.grad(losses.video, video)[0] != 0).all()


def test_temporal_consistency_uses_pairs_of_real_frames():
    logits = torch.tensor([[0.3, -1.2, 4.0, 99.0], [2.0, -99.0, 1.0, 1.0]])
    mask = torch.tensor([[True, True, True, False], [True, False, True, True]])
    p = logits.sigmoid()
    pairs = [(p[0, 0], p[0, 1]), (p[0, 1], p[0, 2]), (p[1, 2], p[1, 3])]
    total, count = temporal_consistency(logits, mask)
    assert total.item() == pytest.approx(sum((a - b).item() ** 2 for a, b in pairs), abs=1e-6)
    assert count == 3
    run = torch.tensor([[0, 0, 1, 1], [0, 0, 0, 0]])
    within = temporal_consistency(logits, mask, times=FrameTimes(0.2 * run, run))
    expected = sum((a - b).item() ** 2 for a, b in (pairs[0], pairs[2]))
    assert within[0].item() == pytest.approx(expected, abs=1e-6)
    assert within[1] == 2


def test_face_head_terms_add_up_with_their_weights():
    output = make_output(1, landmarks=torch.full((1, 3, 68, 2), 0.4), pose=torch.zeros(1, 3, 3))
    faces = torch.full((1, 3, 68, 2), 0.5), torch.tensor([0.5, -0.25, 0.0]).expand(1, 3, 3)
    targets = replace(labels((False, False)), landmarks=faces[0], pose=faces[1])
    with_heads = detector_loss(output, targets, LossWeights(0.5, 0.1, 0.1, 0.2))
    plain = detector_loss(output, labels((False, False)), LossWeights(0.5, 0.1))
    assert with_heads.landmarks.item() == pytest.approx(0.1)
    assert with_heads.pose.item() == pytest.approx(0.25)
    more = with_heads.total - plain.total
    assert more.item() == pytest.approx(0.1 * 0.1 + 0.2 * 0.25, abs=1e-6)
    assert plain.landmarks == plain.pose == 0


def test_faces_with_unknown_targets_do_not_count():
    output = torch.zeros(2, 3, 3, requires_grad=True)
    true = torch.ones(2, 3, 3)
    true[0, 1:], true[1, 2] = torch.nan, 99.0
    mask = torch.tensor([[True, True, True], [True, True, False]])
    error, count = masked_mae(output, true, mask)
    assert error.item() == pytest.approx(count.item()) == 9.0
    error.backward()
    assert torch.isfinite(output.grad).all()
    assert [x.item() for x in masked_mae(output, true * torch.nan, mask)] == [0, 0]


def test_targets_move_all_tensors_to_a_device():
    moved = Targets(*(torch.tensor([True]) for _ in fields(Targets))).to("meta")
    assert all(getattr(moved, field.name).device.type == "meta" for field in fields(Targets))
    assert labels((True, False)).to("meta").pose is None


def test_a_change_of_label_is_not_smoothed_away():
    logits = torch.tensor([[-50.0, -50.0, 50.0, 50.0]])
    mask = torch.ones(1, 4, dtype=torch.bool)
    changing = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    assert [x.item() for x in temporal_consistency(logits, mask, changing)] == [0, 2]
    assert [x.item() for x in temporal_consistency(logits, mask, torch.ones(1, 4))] == [1, 3]
    near = torch.tensor([[0.0, torch.nan, torch.nan, 1.0]])  # the pair in the margin alone counts
    assert [x.item() for x in temporal_consistency(logits, mask, near)] == [1, 1]


def test_unlabelled_frames_are_smoothed_like_before():
    logits = torch.tensor([[-50.0, 50.0, 50.0]])
    mask = torch.ones(1, 3, dtype=torch.bool)
    unknown = torch.full((1, 3), torch.nan)
    assert [x.item() for x in temporal_consistency(logits, mask, unknown)] == [1, 2]


def test_moments_are_scored_by_their_own_labels():
    output = make_output(
        1, frame_logits=torch.tensor([[2.0, -1.0, 9.0]]), step_logits=torch.tensor([[0.0, 1.0]])
    )
    targets = replace(
        labels((True, False)),
        frame_is_fake=torch.tensor([[1.0, 0.0, torch.nan]]),
        step_is_fake=torch.tensor([[0.0, torch.nan, 1.0]]),  # one step longer than the sound
    )
    losses = detector_loss(output, targets, LossWeights(0.0, 0.0, moments=2.0))
    frames = (math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-1))) / 2
    assert losses.frames.item() == pytest.approx(frames, abs=1e-6)
    assert losses.steps.item() == pytest.approx(math.log(2), abs=1e-6)
    expected = losses.clip.item() + 2 * (frames + math.log(2))
    assert losses.total.item() == pytest.approx(expected, abs=1e-6)


def test_masked_and_unknown_moments_have_no_gradient():
    logits = torch.zeros(1, 3, requires_grad=True)
    mask = torch.tensor([[True, True, False]])
    total, count = moment_bce(logits, torch.tensor([[1.0, torch.nan, 1.0]]), mask)
    total.backward()
    assert count.item() == 1
    assert logits.grad.tolist() == [[-0.5, 0, 0]]
    assert [x.item() for x in moment_bce(logits, None, mask)] == [0, 0]
