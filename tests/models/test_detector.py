from dataclasses import replace

import pytest
import torch

from unmask.config import ModelSettings
from unmask.models.collate import Batch, collate
from unmask.models.detector import Detector
from unmask.models.losses import Targets, detector_loss

# every switch of phases 2 and 3 that changes the detector
WHOLE = {"fusion": "attention", "temporal": "transformer", "flow": True, "auxiliary": True}
KINDS = [{}, {"flow": True}, WHOLE, {**WHOLE, "frame_backbone": "test_vit", "tuned": "norms"}]


def close(a, b, tolerance=2e-4):
    torch.testing.assert_close(a, b, atol=tolerance, rtol=tolerance)


@torch.inference_mode()
@pytest.mark.parametrize("kind", KINDS)
def test_a_clip_alone_and_in_a_padded_batch_scores_the_same(tiny, make_detector, make_sample, kind):
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
    assert together.logit.std() > 0.1  # scores that are all alike would prove nothing


def test_padding_does_not_move_the_batch_statistics(tiny, make_detector, make_sample):
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
def test_changing_samples_in_silence_changes_no_score(tiny, make_detector, make_sample):
    detector, sample = make_detector(tiny), make_sample(3, 16_000)
    loud = sample.waveform.copy()
    loud[~sample.is_speech] = 0.8
    before = detector(collate([sample], tiny))
    after = detector(collate([replace(sample, waveform=loud)], tiny))
    assert torch.equal(before.logit, after.logit)
    assert torch.equal(before.step_logits, after.step_logits)
    heard = detector(collate([replace(sample, waveform=loud)], replace(tiny, vad_mask=False)))
    assert not torch.equal(before.logit, heard.logit)


@torch.inference_mode()
@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_modality_is_a_case_and_not_an_error(tiny, make_detector, make_sample, kind):
    detector = make_detector(tiny, **kind)
    whole, mute, faceless = make_sample(3, 9000), make_sample(3, 0), make_sample(0, 9000)
    said = detector(collate([whole, mute, faceless], detector.settings))
    assert torch.isfinite(said.logit).all()
    assert said.uses_video.tolist() == [True, True, False]
    assert said.uses_audio.tolist() == [True, False, True]
    assert said.audio_logit[1] == said.video_logit[2] == 0
    assert len(set(said.logit.tolist())) == 3


@torch.inference_mode()
def test_sound_in_which_nobody_speaks_counts_as_no_sound(tiny, make_detector, make_sample):
    detector, sample = make_detector(tiny), make_sample(3, 9000)
    silent = replace(sample, is_speech=sample.is_speech & False)
    mute = replace(sample, waveform=sample.waveform[:0], is_speech=sample.is_speech[:0])
    said = detector(collate([silent], tiny))
    assert not said.uses_audio.any()
    close(said.logit, detector(collate([mute], tiny)).logit)


@torch.inference_mode()
def test_a_modalitys_score_is_the_mean_of_its_frames_or_steps(tiny, make_detector, make_sample):
    said = make_detector(tiny)(collate([make_sample(4, 9000), make_sample(2, 16_000)], tiny))
    for logits, mask, mean in (
        (said.frame_logits, said.frame_mask, said.video_logit),
        (said.step_logits, said.step_mask, said.audio_logit),
    ):
        for row in range(2):
            close(logits[row][mask[row]].mean(), mean[row])
        assert not logits[~mask].any()


@pytest.mark.parametrize("kind", KINDS)
def test_a_blank_detector_has_the_same_parts_and_keeps_the_settings(tiny, make_detector, kind):
    first = make_detector(tiny, **kind)
    gone = replace(first.settings, frame_weights="/gone/weights.pth")
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
            for module in detector.modules():  # checkpoints are used in training mode alone
                module.training = not isinstance(module, torch.nn.Dropout | torch.nn.BatchNorm2d)
            detector.fusion.eval()
        detector(batch).logit.sum().backward()
        gradients.append(detector.frame.project.weight.grad)
    scale = gradients[0].abs().max()
    close(gradients[0] / scale, gradients[1] / scale, tolerance=1e-2)


def test_auxiliary_heads_and_attention_are_absent_unless_asked_for(
    tiny, make_detector, make_sample
):
    said = make_detector(tiny)(collate([make_sample(2, 9000)], tiny))
    assert said.attention is said.landmarks is said.pose is None


def test_all_but_the_new_parts_keeps_its_names_and_its_first_weights(tiny):
    """So that what was trained before there were any can still be read."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        plain = Detector(tiny).state_dict()
        torch.manual_seed(0)
        whole = Detector(replace(tiny, auxiliary=True)).state_dict()
    more = {"auxiliary.landmarks", "auxiliary.pose"}
    assert {key.rpartition(".")[0] for key in whole.keys() - plain.keys()} == more
    assert all(torch.equal(whole[key], value) for key, value in plain.items())
    kinds = {key.split(".")[0] for key in plain}
    assert kinds == {"frame", "voice", "temporal", "frame_head", "step_head", "fusion", "head"}
    assert {"fusion.no_video", "fusion.no_audio", "temporal.blocks.1.conv.weight"} < plain.keys()


@pytest.mark.slow
def test_the_full_size_model_keeps_the_shapes_of_the_contract_and_freezes_eight_layers():
    settings = ModelSettings(frame_weights="random", voice_weights="random", **WHOLE)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        detector = Detector(settings).train()
        rows, frames, samples = 2, 3, 16_000
        five = torch.rand(rows, frames, 5, 224, 224)
        mask = torch.tensor([[True] * 3, [True, True, False]])
        sound = torch.ones(rows, samples, dtype=torch.bool)
        batch = Batch(
            five[:, :, :3], five[:, :, 3:], mask, torch.randn(rows, samples), sound, sound
        )
        said = detector(batch)
        faces = torch.rand(rows, frames, 68, 2), torch.rand(rows, frames, 3)
        targets = Targets(torch.tensor([True, False]), torch.tensor([False, False]), *faces)
        detector_loss(said, targets, 0.5, 0.1, 0.1, 0.1).total.backward()
    steps = (samples - 400) // 320 + 1
    assert said.logit.shape == (rows,)
    assert said.frame_logits.shape == (rows, frames)
    assert said.step_logits.shape == (rows, steps)
    assert (said.video.shape, said.audio.shape) == ((rows, 2048), (rows, 512))
    assert said.attention.shape == (rows, frames, steps)
    assert said.landmarks.shape == (rows, frames, 68, 2)
    assert said.pose.shape == (rows, frames, 3)
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
