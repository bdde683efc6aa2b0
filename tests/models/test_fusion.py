import torch

from unmask.models.fusion import ConcatFusion, either_fake

CLIPS = 20_000


def dropped(has_video, has_audio, p=0.2, training=True):
    fusion = ConcatFusion(2, 3, p).train(training)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return fusion.drop(torch.full((CLIPS,), has_video), torch.full((CLIPS,), has_audio))


def test_each_modality_is_dropped_with_the_probability_that_was_set_and_never_both():
    video, audio = dropped(True, True)
    assert abs((~video).float().mean() - 0.2) < 0.01
    assert abs((~audio).float().mean() - 0.2) < 0.01
    assert (video | audio).all()


def test_the_only_modality_is_never_dropped():
    assert dropped(True, False)[0].all()
    assert dropped(False, True)[1].all()


def test_nothing_is_dropped_outside_training():
    video, audio = dropped(True, True, training=False)
    assert video.all()
    assert audio.all()


def test_even_a_certain_drop_leaves_one_modality():
    video, audio = dropped(True, True, p=1.0)
    assert (video ^ audio).all()


def test_a_missing_modality_is_replaced_and_what_stood_there_does_not_count():
    fusion = ConcatFusion(2, 3, 0.2).eval()
    torch.nn.init.constant_(fusion.no_audio, 5.0)
    video = torch.tensor([[1.0, 2.0]])
    audio = torch.full((1, 3), float("nan"))
    joined = fusion(video, audio, torch.tensor([True]), torch.tensor([False]))
    assert joined.tolist() == [[1.0, 2.0, 5.0, 5.0, 5.0]]


def test_either_fake_is_the_probability_that_not_both_are_genuine():
    video, audio = (
        torch.randn(50, dtype=torch.float64) * 4,
        torch.randn(50, dtype=torch.float64) * 4,
    )
    yes = torch.ones(50, dtype=torch.bool)
    expected = 1 - (1 - video.sigmoid()) * (1 - audio.sigmoid())
    got = either_fake(video, audio, yes, yes)
    torch.testing.assert_close(got.sigmoid(), expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(either_fake(video, audio, yes, ~yes), video, atol=2.0, rtol=0)
    plain = video.abs() < 8
    torch.testing.assert_close(
        either_fake(video, audio, yes, ~yes)[plain], video[plain], atol=1e-3, rtol=1e-3
    )


def test_either_fake_stays_finite_at_the_ends_and_with_nothing_to_go_by():
    far = torch.tensor([-1e4, 50.0, 0.0])
    yes = torch.tensor([True, True, False])
    logit = either_fake(far.requires_grad_(), far, yes, yes)
    assert torch.isfinite(logit).all()
    logit.sum().backward()
    assert torch.isfinite(far.grad).all()
