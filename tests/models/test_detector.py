from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.factories import make_targets
from unmask.config import ModelSettings
from unmask.data.torch.evaluation_set import slice_frames
from unmask.models.collate import Batch, collate
from unmask.models.detector import Detector
from unmask.models.layers.frame_times import FrameTimes
from unmask.models.losses import LossWeights, detector_loss

# every option of phases 2 and 3 that changes the detector
ALL_OPTIONS = {"fusion": "attention", "temporal": "transformer", "flow": True, "auxiliary": True}
KINDS = [
    {},
    {"flow": True},
    ALL_OPTIONS,
    {**ALL_OPTIONS, "frame_times": False},
    {"frame_times": False},
    {**ALL_OPTIONS, "frame_backbone": "test_vit", "trainable": "norms"},
]


def close(a, b, tolerance=2e-4):
    torch.testing.assert_close(a, b, atol=tolerance, rtol=tolerance)


@torch.inference_mode()
@pytest.mark.parametrize("kind", KINDS)
def test_padding_does_not_change_scores(tiny, make_detector, make_sample, kind):
    detector = make_detector(tiny, **kind)
    samples = [
        make_sample(5, 16_000),
        make_sample(2, 9000),
        make_sample(0, 12_000),
        make_sample(3, 0),
    ]
    together = detector(collate(samples, detector.settings))
    for row, sample in enumerate(samples):
        alone = detector(collate([sample], detector.settings))
        close(together.logit[row], alone.logit[0])
        close(together.video_logit[row], alone.video_logit[0])
        close(together.audio_logit[row], alone.audio_logit[0])
        frames, steps = alone.frame_mask[0].sum(), alone.step_mask.shape[1]
        close(together.frame_logits[row, :frames], alone.frame_logits[0, :frames])
        close(together.step_logits[row, :steps], alone.step_logits[0])
        assert not together.step_mask[row, steps:].any()
        if kind.get("auxiliary"):
            close(together.landmarks[row, :frames], alone.landmarks[0, :frames])
            close(together.pose[row, :frames], alone.pose[0, :frames])
            close(together.attention[row, :frames, :steps], alone.attention[0, :frames])
            assert not together.landmarks[row, frames:].any()
    assert together.logit.std() > 0.1  # equal scores would prove nothing


@torch.inference_mode()
def test_only_a_detector_with_frame_times_hears_sound_moved_by_200_ms(
    tiny, make_detector, make_sample
):
    sample = replace(make_sample(8, 32_000), is_speech=np.ones(32_000, np.bool_))
    samples = [sample, replace(sample, times_s=sample.times_s + 0.2)]  # 200 ms against the sound
    for frame_times in (True, False):
        settings = {**ALL_OPTIONS, "frame_times": frame_times}
        detector = make_detector(tiny, **settings)
        own, moved = (float(detector(collate([x], detector.settings)).logit) for x in samples)
        assert (abs(own - moved) > 1e-3) == frame_times


@torch.inference_mode()
@pytest.mark.parametrize("frame_times", [True, False])
@pytest.mark.parametrize("temporal", ["conv", "transformer"])
def test_frame_logits_of_a_shot_ignore_the_shots_beside_it(
    tiny, make_detector, make_sample, temporal, frame_times
):
    detector = make_detector(tiny, temporal=temporal, frame_times=frame_times)
    sample = make_sample(6, 0)
    joined = replace(sample, shots=np.array([0, 0, 0, 1, 1, 1]))
    alone = slice_frames(sample, slice(3, 6))
    got, expected = (detector(collate([x], detector.settings)) for x in (joined, alone))
    close(got.frame_logits[0, 3:], expected.frame_logits[0], 1e-5)
    unaware = detector(collate([sample], detector.settings))
    assert (unaware.frame_logits[0, 3:] - expected.frame_logits[0]).abs().max() > 3e-4


def test_padding_does_not_change_the_batch_statistics(tiny, make_detector, make_sample):
    long, short = make_sample(5, 8000), make_sample(2, 8000)
    padded, cut = make_detector(tiny), make_detector(tiny)
    padded.train()(collate([short, long], tiny))
    both = collate([short, long], tiny)
    real = both.frames[both.frame_mask]
    cut.train().frame(real, None)
    for (name, a), (_, b) in zip(
        padded.frame.backbone.named_buffers(), cut.frame.backbone.named_buffers(), strict=True
    ):
        torch.testing.assert_close(a, b, msg=name)


@torch.inference_mode()
def test_samples_in_silence_change_no_score(tiny, make_detector, make_sample):
    detector, sample = make_detector(tiny), make_sample(3, 16_000)
    loud = sample.waveform.copy()
    loud[~sample.is_speech] = 0.8
    before = detector(collate([sample], tiny))
    after = detector(collate([replace(sample, waveform=loud)], tiny))
    assert torch.equal(before.logit, after.logit)
    assert torch.equal(before.step_logits, after.step_logits)
    unmasked = detector(collate([replace(sample, waveform=loud)], tiny.replace(vad_mask=False)))
    assert not torch.equal(before.logit, unmasked.logit)


@torch.inference_mode()
@pytest.mark.parametrize("kind", KINDS)
def test_clip_with_a_missing_modality_is_scored(tiny, make_detector, make_sample, kind):
    detector = make_detector(tiny, **kind)
    whole, mute, faceless = make_sample(3, 9000), make_sample(3, 0), make_sample(0, 9000)
    output = detector(collate([whole, mute, faceless], detector.settings))
    assert torch.isfinite(output.logit).all()
    assert output.uses_video.tolist() == [True, True, False]
    assert output.uses_audio.tolist() == [True, False, True]
    assert output.audio_logit[1] == output.video_logit[2] == 0
    assert len(set(output.logit.tolist())) == 3


@torch.inference_mode()
def test_sound_without_speech_equals_no_sound(tiny, make_detector, make_sample):
    detector, sample = make_detector(tiny), make_sample(3, 9000)
    silent = replace(sample, is_speech=sample.is_speech & False)
    mute = replace(sample, waveform=sample.waveform[:0], is_speech=sample.is_speech[:0])
    output = detector(collate([silent], tiny))
    assert not output.uses_audio.any()
    close(output.logit, detector(collate([mute], tiny)).logit)


@torch.inference_mode()
def test_modality_score_is_the_mean_over_frames_or_steps(tiny, make_detector, make_sample):
    output = make_detector(tiny)(collate([make_sample(4, 9000), make_sample(2, 16_000)], tiny))
    for logits, mask, mean in (
        (output.frame_logits, output.frame_mask, output.video_logit),
        (output.step_logits, output.step_mask, output.audio_logit),
    ):
        for row in range(2):
            close(logits[row][mask[row]].mean(), mean[row])
        assert not logits[~mask].any()


@torch.inference_mode()
def test_modality_score_may_be_the_mean_of_odds(tiny, make_detector, make_sample):
    settings = tiny.replace(pooling="odds")
    sample = make_sample(5, 16_000)
    output = make_detector(settings).eval()(collate([sample], settings))
    odds = output.frame_logits[output.frame_mask].exp().mean().log()
    close(output.video_logit[0], odds)
    odds = output.step_logits[output.step_mask].exp().mean().log()
    close(output.audio_logit[0], odds)


@torch.inference_mode()
def test_steps_are_scored_with_their_neighbours(tiny, make_detector, make_sample):
    batch = collate([make_sample(5, 16_000)], tiny)
    alone, together = (
        make_detector(tiny.replace(voice_context_s=context_s)).eval()(batch)
        for context_s in (0.0, 0.1)
    )
    scores = torch.nn.functional.pad(alone.step_logits[0], (2, 2))
    expected = scores.unfold(0, 5, 1).mean(1) * alone.step_mask[0]  # 0.1 s: two on either side
    close(together.step_logits[0], expected)


@pytest.mark.parametrize("kind", KINDS)
def test_detector_from_config_has_the_same_architecture_and_settings(tiny, make_detector, kind):
    first = make_detector(tiny, **kind)
    gone = first.settings.replace(frame_weights="/gone/weights.pth")
    second = Detector.from_config(gone, first.voice_config)
    assert second.settings.frame_weights == "/gone/weights.pth"
    second.load_state_dict(first.state_dict())


def test_gradient_checkpointing_changes_no_gradient(tiny, make_detector, make_sample):
    batch = collate([make_sample(3, 9000)], tiny)
    gradients = []
    for checkpointing in (False, True):
        detector = make_detector(tiny, dropout=0.0)
        if checkpointing:
            detector.set_grad_checkpointing()
            for module in detector.modules():  # checkpointing is only active in training mode
                module.training = not isinstance(module, torch.nn.Dropout | torch.nn.BatchNorm2d)
            detector.fusion.eval()
        detector(batch).logit.sum().backward()
        gradients.append(detector.frame.project.weight.grad)
    scale = gradients[0].abs().max()
    close(gradients[0] / scale, gradients[1] / scale, tolerance=1e-2)


def test_face_heads_and_attention_are_absent_by_default(tiny, make_detector, make_sample):
    output = make_detector(tiny)(collate([make_sample(2, 9000)], tiny))
    assert output.attention is output.landmarks is output.pose is None


def test_face_heads_change_no_other_name_or_initial_weight(tiny):
    """Otherwise older weights could not be loaded."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        plain = Detector(tiny).state_dict()
        torch.manual_seed(0)
        whole = Detector(tiny.replace(auxiliary=True)).state_dict()
    more = {"auxiliary.landmarks", "auxiliary.pose"}
    assert {key.rpartition(".")[0] for key in whole.keys() - plain.keys()} == more
    assert all(torch.equal(whole[key], value) for key, value in plain.items())
    kinds = {key.split(".")[0] for key in plain}
    assert kinds == {"frame", "voice", "temporal", "frame_head", "step_head", "fusion", "head"}
    assert {"fusion.no_video", "fusion.no_audio", "temporal.blocks.1.conv.weight"} < plain.keys()


@pytest.mark.slow
def test_full_size_model_has_the_documented_shapes_and_eight_frozen_layers():
    settings = ModelSettings(frame_weights="random", voice_weights="random", **ALL_OPTIONS)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        detector = Detector(settings).train()
        rows, frames, samples = 2, 3, 16_000
        five = torch.rand(rows, frames, 5, 224, 224)
        mask = torch.tensor([[True] * 3, [True, True, False]])
        sound = torch.ones(rows, samples, dtype=torch.bool)
        times = FrameTimes(torch.arange(frames).expand(rows, -1) / 5, torch.zeros(rows, frames))
        waveform = torch.randn(rows, samples)
        batch = Batch(five[:, :, :3], five[:, :, 3:], mask, waveform, sound, sound, times)
        output = detector(batch)
        faces = torch.rand(rows, frames, 68, 2), torch.rand(rows, frames, 3)
        truth = make_targets([True, False], [False, False])
        targets = replace(truth, landmarks=faces[0], pose=faces[1])
        detector_loss(output, targets, LossWeights(0.5, 0.1, 0.1, 0.1)).total.backward()
    steps = (samples - 400) // 320 + 1
    assert output.logit.shape == (rows,)
    assert output.frame_logits.shape == (rows, frames)
    assert output.step_logits.shape == (rows, steps)
    assert (output.video.shape, output.audio.shape) == ((rows, 2048), (rows, 512))
    assert output.attention.shape == (rows, frames, steps)
    assert output.landmarks.shape == (rows, frames, 68, 2)
    assert output.pose.shape == (rows, frames, 3)
    assert detector.fusion.out_dim == 2048
    assert detector.frame.backbone.num_features == 1536  # EfficientNet-B3
    assert detector.voice.model.config.hidden_size == 768
    voice = detector.voice.model
    frozen = [voice.feature_extractor, voice.feature_projection, *voice.encoder.layers[:8]]
    assert all(p.grad is None for part in frozen for p in part.parameters())
    tuned = [*voice.encoder.layers[8:], detector.voice.project, detector.frame, detector.temporal]
    tuned += [detector.auxiliary, detector.head]
    assert len(voice.encoder.layers) == 12
    assert all(p.grad is not None for part in tuned for p in part.parameters())
