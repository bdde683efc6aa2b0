import numpy as np
import pytest
import torch

from unmask.models.layers.frame_times import FrameTimes
from unmask.models.layers.fusion import AttentionFusion, ConcatFusion, noisy_or_logit

CLIPS = 20_000


def dropped(has_video, has_audio, p=0.2, training=True):
    fusion = ConcatFusion(2, 3, p).train(training)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return fusion.drop(torch.full((CLIPS,), has_video), torch.full((CLIPS,), has_audio))


def test_each_modality_is_dropped_with_the_set_probability_and_never_both():
    video, audio = dropped(True, True)
    assert abs((~video).float().mean() - 0.2) < 0.01
    assert abs((~audio).float().mean() - 0.2) < 0.01
    assert (video | audio).all()


def test_only_modality_is_never_dropped():
    assert dropped(True, False)[0].all()
    assert dropped(False, True)[1].all()


def test_nothing_is_dropped_in_evaluation():
    video, audio = dropped(True, True, training=False)
    assert video.all()
    assert audio.all()


def test_dropout_of_one_leaves_one_modality():
    video, audio = dropped(True, True, p=1.0)
    assert (video ^ audio).all()


def test_missing_modality_is_replaced_by_a_learned_vector():
    fusion = ConcatFusion(2, 3, 0.2).eval()
    torch.nn.init.constant_(fusion.no_audio, 5.0)
    video = torch.tensor([[1.0, 2.0]])
    audio = torch.full((1, 3), float("nan"))
    joined = fusion(video, audio, torch.tensor([True]), torch.tensor([False]))
    assert joined.tolist() == [[1.0, 2.0, 5.0, 5.0, 5.0]]


def test_noisy_or_is_the_probability_that_not_both_are_genuine():
    video, audio = (
        torch.randn(50, dtype=torch.float64) * 4,
        torch.randn(50, dtype=torch.float64) * 4,
    )
    yes = torch.ones(50, dtype=torch.bool)
    expected = 1 - (1 - video.sigmoid()) * (1 - audio.sigmoid())
    got = noisy_or_logit(video, audio, yes, yes)
    torch.testing.assert_close(got.sigmoid(), expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(noisy_or_logit(video, audio, yes, ~yes), video, atol=2.0, rtol=0)
    plain = video.abs() < 8
    torch.testing.assert_close(
        noisy_or_logit(video, audio, yes, ~yes)[plain], video[plain], atol=1e-3, rtol=1e-3
    )


def test_noisy_or_is_finite_for_extreme_and_missing_logits():
    far = torch.tensor([-1e4, 50.0, 0.0])
    yes = torch.tensor([True, True, False])
    logit = noisy_or_logit(far.requires_grad_(), far, yes, yes)
    assert torch.isfinite(logit).all()
    logit.sum().backward()
    assert torch.isfinite(far.grad).all()


def make_attention(video_dim=12, audio_dim=32):
    with torch.random.fork_rng():
        torch.manual_seed(2)
        fusion = AttentionFusion(video_dim, audio_dim, 0.2)
        torch.nn.init.normal_(fusion.no_video)
        torch.nn.init.normal_(fusion.no_audio)
    return fusion.eval()


def faces_and_voices(frames=(4, 2), steps=(9, 5), dims=(12, 32)):
    """Two clips padded with NaN, which would spread if padding were used."""
    rng = torch.Generator().manual_seed(3)
    video = torch.randn(2, max(frames), dims[0], generator=rng)
    audio = torch.randn(2, max(steps), dims[1], generator=rng)
    video_mask = torch.arange(max(frames)) < torch.tensor(frames)[:, None]
    audio_mask = torch.arange(max(steps)) < torch.tensor(steps)[:, None]
    video[~video_mask], audio[~audio_mask] = float("nan"), float("nan")
    return video, audio, video_mask, audio_mask


@torch.inference_mode()
def test_attention_equals_torch_multi_head_attention():
    fusion = make_attention(32, 32)
    video, audio, video_mask, audio_mask = faces_and_voices(dims=(32, 32))
    reference = torch.nn.MultiheadAttention(32, fusion.heads, batch_first=True).eval()
    parts = (fusion.query, fusion.key, fusion.value)
    reference.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
    reference.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
    reference.out_proj.load_state_dict(fusion.widen.state_dict())
    queries, keys = video.nan_to_num(), audio.nan_to_num()
    attended, weights = reference(queries, keys, keys, key_padding_mask=~audio_mask)
    expected = torch.nn.functional.layer_norm(queries + attended, (32,))
    joined, attention = fusion(video, audio, video_mask, audio_mask)
    assert fusion.heads > 1
    for row, frames in enumerate(video_mask.sum(1)):
        torch.testing.assert_close(joined[row], expected[row, :frames].mean(0))
        torch.testing.assert_close(attention[row, :frames], weights[row, :frames])


@torch.inference_mode()
def test_attention_weights_sum_to_one_over_speech():
    video, audio, video_mask, audio_mask = faces_and_voices()
    _, weights = make_attention()(video, audio, video_mask, audio_mask)
    assert weights.shape == (2, 4, 9)
    torch.testing.assert_close(weights.sum(2), video_mask.float())
    assert not weights[1, :, 5:].any()


@torch.inference_mode()
def test_permuting_the_audio_padding_changes_nothing():
    fusion = make_attention()
    video, audio, video_mask, audio_mask = faces_and_voices()
    audio[1, 5:] = torch.randn(4, 32) * 100
    shuffled = audio.clone()
    shuffled[1, 5:] = audio[1, [7, 5, 8, 6]]
    before, after = (fusion(video, x, video_mask, audio_mask) for x in (audio, shuffled))
    assert torch.equal(before[0], after[0])
    assert torch.equal(before[1], after[1])


@torch.inference_mode()
def test_padding_does_not_change_the_fused_features():
    fusion = make_attention()
    video, audio, video_mask, audio_mask = faces_and_voices()
    together, _ = fusion(video, audio, video_mask, audio_mask)
    alone, _ = fusion(video[1:, :2], audio[1:, :5], video_mask[1:, :2], audio_mask[1:, :5])
    torch.testing.assert_close(together[1:], alone)


@torch.inference_mode()
@pytest.mark.parametrize("steps", [0, 9])
def test_fully_masked_sound_equals_video_only(steps):
    fusion = make_attention()
    video, audio, video_mask, _ = faces_and_voices()
    nothing = torch.zeros(2, steps, dtype=torch.bool)
    joined, weights = fusion(video, audio[:, :steps], video_mask, nothing)
    faces = torch.nn.functional.layer_norm(video + fusion.no_audio, (12,))
    for row, frames in enumerate(video_mask.sum(1)):
        torch.testing.assert_close(joined[row], faces[row, :frames].mean(0))
    assert weights.shape == (2, 4, steps)
    assert not weights.any()


@torch.inference_mode()
def test_learned_query_replaces_a_missing_face():
    fusion = make_attention()
    video, audio, video_mask, audio_mask = faces_and_voices()
    nobody = torch.zeros_like(video_mask)
    joined, weights = fusion(video, audio, nobody, audio_mask)
    item = torch.ones(2, 1, dtype=torch.bool)
    asked, _ = fusion(fusion.no_video.expand(2, 1, -1), audio, item, audio_mask)
    torch.testing.assert_close(joined, asked)
    assert (joined[0] - joined[1]).abs().max() > 0.01  # two voices
    assert not weights.any()


def test_missing_face_and_voice_give_finite_output_and_gradient():
    fusion = make_attention()
    video, audio, video_mask, audio_mask = faces_and_voices()
    joined, _ = fusion(video, audio, video_mask & False, audio_mask & False)
    assert torch.isfinite(joined).all()
    joined.square().sum().backward()
    grads = [p.grad for p in fusion.parameters() if p.grad is not None]
    assert grads
    assert all(torch.isfinite(grad).all() for grad in grads)


def test_both_fusions_have_the_same_modality_dropout():
    both = torch.ones(1000, dtype=torch.bool)
    for fusion in (ConcatFusion(2, 3, 0.3), AttentionFusion(2, 3, 0.3)):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            video, audio = fusion.train().drop(both, both)
        assert abs((~video).float().mean() - 0.3) < 0.05
        assert abs((~audio).float().mean() - 0.3) < 0.05


def test_noisy_or_of_two_sure_genuine_logits_has_a_gradient():
    """At -20 both, log(2 exp(-20) + exp(-40)) by hand, and each modality counts half."""
    yes, no = torch.tensor([True]), torch.tensor([False])
    video, audio = (torch.tensor([-20.0], requires_grad=True) for _ in range(2))
    logit = noisy_or_logit(video, audio, yes, yes)
    assert logit.item() == pytest.approx(-20 + 0.693147, abs=1e-5)
    assert [float(g) for g in torch.autograd.grad(logit, (video, audio))] == pytest.approx(
        [0.5, 0.5]
    )
    alone = noisy_or_logit(video, audio, yes, no)
    assert alone.item() == -20
    assert float(torch.autograd.grad(alone, video)[0]) == 1
    neither = noisy_or_logit(video, audio, no, no)
    assert neither.item() == pytest.approx(-13.8, abs=0.1)
    assert float(torch.autograd.grad(neither, video)[0]) == 0


def test_noisy_or_is_continuous_where_the_formula_changes():
    logits = torch.linspace(-16, -12, 4001)
    yes = torch.ones(4001, dtype=torch.bool)
    joined = noisy_or_logit(logits, logits, yes, yes)
    torch.testing.assert_close(joined.diff(), torch.full((4000,), 0.001), atol=2e-5, rtol=0)


def make_timed(video_dim=12, audio_dim=32):
    with torch.random.fork_rng():
        torch.manual_seed(5)
        fusion = AttentionFusion(video_dim, audio_dim, 0.2, timed=True)
        for learned in (fusion.lag_bias, fusion.no_video, fusion.no_audio):
            torch.nn.init.normal_(learned)
    return fusion.eval()


def at(time_s):
    return FrameTimes(time_s, torch.zeros_like(time_s, dtype=torch.long))


def two_seconds():
    rng = torch.Generator().manual_seed(6)
    video, audio = torch.randn(2, 8, 12, generator=rng), torch.randn(2, 100, 32, generator=rng)
    video_mask = torch.arange(8) < torch.tensor([[8], [6]])
    audio_mask = torch.arange(100) < torch.tensor([[100], [70]])
    return video, audio, video_mask, audio_mask, at(0.1 + 0.2 * torch.arange(8.0).expand(2, -1))


@torch.inference_mode()
def test_sound_moved_by_200_ms_changes_a_timed_attention_and_no_other():
    video, audio, video_mask, _, times = two_seconds()
    steps = torch.ones(2, 100, dtype=torch.bool)
    for fusion, changes in ((make_timed(), True), (make_attention(), False)):
        before, _ = fusion(video, audio, video_mask, steps, times)
        moved, _ = fusion(video, audio.roll(10, 1), video_mask, steps, times)
        permuted, _ = fusion(video, audio[:, torch.randperm(100)], video_mask, steps, times)
        assert ((before - moved).abs().max() > 0.01) == changes
        assert ((before - permuted).abs().max() > 0.01) == changes


@torch.inference_mode()
def test_moving_sound_and_frames_together_changes_nothing():
    fusion = make_timed()
    video, audio, video_mask, audio_mask, times = two_seconds()
    before, _ = fusion(video, audio, video_mask, audio_mask, times)
    later = torch.cat([torch.zeros(2, 50, 32), audio], 1)
    no_sound = torch.zeros(2, 50, dtype=torch.bool)
    after, _ = fusion(
        video, later, video_mask, torch.cat([no_sound, audio_mask], 1), at(times.time_s + 1)
    )
    torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_a_frame_attends_to_speech_within_half_a_second_with_the_bias_of_their_lag():
    fusion = make_timed()
    video, audio, video_mask, audio_mask, times = two_seconds()
    audio_mask[0, 30:34] = False
    _, weights = fusion(video, audio, video_mask, audio_mask, times)
    middles = 0.01 + 0.02 * torch.arange(100.0)
    knots = np.linspace(-0.5, 0.5, 11)
    for frame in (0, 3, 7):
        lag = middles - times.time_s[0, frame]
        near = (lag.abs() <= 0.5) & audio_mask[0]
        by_head = []
        for head in range(fusion.heads):
            rows = slice(head * 12 // fusion.heads, (head + 1) * 12 // fusion.heads)
            query, key = fusion.query(video[0, frame])[rows], fusion.key(audio[0])[:, rows]
            bias = np.interp(lag, knots, fusion.lag_bias[head].numpy())
            scores = key @ query / len(query) ** 0.5 + torch.from_numpy(bias)
            by_head.append(torch.where(near, scores, -torch.inf).softmax(0))
        expected = torch.stack(by_head).mean(0).float()
        torch.testing.assert_close(weights[0, frame], expected, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_a_frame_in_silence_gets_the_vector_for_no_speech():
    fusion = make_timed()
    video, audio, video_mask, audio_mask, times = two_seconds()
    audio_mask = audio_mask & (torch.arange(100) > 60)  # from 1.22 s on
    alone = torch.arange(8) == 2  # shown at 0.5 s
    joined, weights = fusion(video, audio, video_mask & alone, audio_mask, times)
    expected = torch.nn.functional.layer_norm(video[:, 2] + fusion.no_audio, (12,))
    torch.testing.assert_close(joined, expected)
    assert not weights.any()


@torch.inference_mode()
def test_without_a_face_all_speech_is_attended_to_at_any_time():
    fusion = make_timed()
    video, audio, video_mask, audio_mask, times = two_seconds()
    nobody = torch.zeros_like(video_mask)
    before, _ = fusion(video, audio, nobody, audio_mask, times)
    after, _ = fusion(video, audio, nobody, audio_mask, at(times.time_s * 0))
    torch.testing.assert_close(before, after)
    order = torch.randperm(70)
    permuted = torch.cat([audio[:, order], audio[:, 70:]], 1)
    after, _ = fusion(video, permuted, nobody[1:].expand(2, -1), audio_mask[1:].expand(2, -1))
    torch.testing.assert_close(after[1], before[1], atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_padding_does_not_change_a_timed_attention():
    fusion = make_timed()
    video, audio, video_mask, audio_mask, times = two_seconds()
    video[~video_mask], audio[~audio_mask] = torch.nan, torch.nan
    together, _ = fusion(video, audio, video_mask, audio_mask, times)
    parts = (
        video[1:, :6],
        audio[1:, :70],
        video_mask[1:, :6],
        audio_mask[1:, :70],
        at(times.time_s[1:, :6]),
    )
    torch.testing.assert_close(together[1:], fusion(*parts)[0])
