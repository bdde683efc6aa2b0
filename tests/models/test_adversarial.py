import pytest
import torch
from torch.nn import functional as F

from unmask.errors import ConfigError
from unmask.models.adversarial import (
    AUDIO,
    BOTH,
    FRAMES,
    TARGETS,
    PgdConfig,
    fgsm,
    gradient_sign,
    perturb,
    pgd,
    project,
)
from unmask.models.collate import collate

EVERY = pytest.mark.parametrize("target", [FRAMES, AUDIO, BOTH])
METHODS = pytest.mark.parametrize("method", [fgsm, pgd])
LABELS = torch.tensor([True, False, True])
FEW = PgdConfig(alpha=0.02, count=4)


@pytest.fixture
def batch(tiny, make_sample):
    return collate([make_sample(3, 6000), make_sample(2, 4000), make_sample(1, 5000)], tiny)


def masks(batch):
    return {"frames": batch.frame_mask, "waveform": batch.sample_mask}


@torch.no_grad()
def losses(detector, batch, labels=LABELS):
    logit = detector(batch).logit
    return F.binary_cross_entropy_with_logits(logit, labels.float(), reduction="none")


@METHODS
@EVERY
def test_zero_epsilon_changes_nothing(tiny, make_detector, batch, method, target):
    attacked = method(make_detector(tiny), batch, LABELS, target, 0.0)
    for name in TARGETS[BOTH]:
        assert torch.equal(getattr(attacked, name), getattr(batch, name))


@METHODS
@EVERY
@pytest.mark.parametrize("epsilon", [0.01, 0.9])
def test_attack_keeps_budget_range_and_other_inputs(
    tiny, make_detector, batch, method, target, epsilon
):
    more = (FEW,) if method is pgd else ()
    attacked = method(make_detector(tiny), batch, LABELS, target, epsilon, *more)
    for name, mask in masks(batch).items():
        clean, moved = getattr(batch, name), getattr(attacked, name)
        assert torch.equal(moved[~mask], clean[~mask])  # padding
        if name not in TARGETS[target]:
            assert torch.equal(moved, clean)
            continue
        assert 0 < (moved - clean).abs().max() <= epsilon + 1e-6
        assert moved.min() >= (0 if name == "frames" else -1)
        assert moved.max() <= 1


def test_random_start_keeps_the_budget_and_is_reproducible(tiny, make_detector, batch):
    detector = make_detector(tiny)

    def attacked(seed, count=2):
        steps = PgdConfig(0.01, count, torch.Generator().manual_seed(seed))
        return pgd(detector, batch, LABELS, BOTH, 0.03, steps)

    first, again, other = attacked(1), attacked(1), attacked(2)
    for name, mask in masks(batch).items():
        clean, moved = getattr(batch, name), getattr(first, name)
        assert (moved - clean).abs().max() <= 0.03 + 1e-6
        assert torch.equal(moved[~mask], clean[~mask])
        assert torch.equal(moved, getattr(again, name))
        assert not torch.equal(moved, getattr(other, name))


@EVERY
def test_gradient_sign_matches_the_numerical_gradient(tiny, make_detector, batch, target):
    """The loss rises along it as fast as finite differences say, so no gradient is missing."""
    detector = make_detector(tiny)
    batch = batch.replace(frames=0.9 * batch.frames + 0.05)  # so that no pixel is clipped
    signs = gradient_sign(detector, batch, LABELS, target)
    inputs = [getattr(batch, name).clone().requires_grad_() for name in TARGETS[target]]
    logit = detector(batch.replace(**dict(zip(TARGETS[target], inputs, strict=True)))).logit
    loss = F.binary_cross_entropy_with_logits(logit, LABELS.float(), reduction="sum")
    slopes = torch.autograd.grad(loss, inputs)
    # the steepest direction rises by the sum of the gradient's magnitudes
    steepest = sum(float(slope.abs().sum()) for slope in slopes)
    step = 0.01 / steepest  # small, but far above rounding errors
    up, down = perturb(batch, signs, step), perturb(batch, signs, -step)
    rise = float((losses(detector, up) - losses(detector, down)).sum()) / (2 * step)
    assert rise == pytest.approx(steepest, rel=0.05)


@EVERY
def test_loss_rises_with_epsilon(tiny, make_detector, batch, target):
    detector = make_detector(tiny)
    steps = (0.0, 0.0005, 0.002) if target != FRAMES else (0.0, 0.005, 0.02)
    seen = [losses(detector, fgsm(detector, batch, LABELS, target, step)) for step in steps]
    assert (torch.stack(seen).diff(dim=0) > 0).all()


@EVERY
@pytest.mark.parametrize("epsilon", [0.01, 0.05])
def test_pgd_is_at_least_as_strong_as_fgsm(tiny, make_detector, batch, target, epsilon):
    detector = make_detector(tiny)
    item = losses(detector, fgsm(detector, batch, LABELS, target, epsilon))
    many = losses(detector, pgd(detector, batch, LABELS, target, epsilon, FEW))
    assert (many >= item - 1e-4).all()
    assert many.sum() > item.sum()  # and stronger somewhere


def test_attack_on_a_clip_does_not_depend_on_the_batch(tiny, make_detector, make_sample):
    """Neither padding nor other clips in the batch change an attack."""
    detector = make_detector(tiny)
    samples = [make_sample(3, 6000), make_sample(2, 4000)]
    together = pgd(detector, collate(samples, tiny), LABELS[:2], BOTH, 0.05, FEW)
    for row, sample in enumerate(samples):
        alone = pgd(detector, collate([sample], tiny), LABELS[row : row + 1], BOTH, 0.05, FEW)
        frames, audio_samples = len(sample.faces), len(sample.waveform)
        # a sign may flip where the gradient is nearly zero
        same = together.frames[row, :frames].isclose(alone.frames[0], atol=1e-5)
        assert same.float().mean() > 0.98
        same = together.waveform[row, :audio_samples].isclose(alone.waveform[0], atol=1e-5)
        assert same.float().mean() > 0.98


def test_projection_is_the_nearest_point_within_the_budget(batch):
    far = batch.replace(frames=1 - batch.frames)
    near = project(far, batch, 0.1)
    expected = batch.frames + (1 - 2 * batch.frames).clamp(-0.1, 0.1)
    seen = batch.frame_mask
    assert torch.allclose(near.frames[seen], expected[seen], atol=1e-6)
    assert near.waveform is batch.waveform


@METHODS
def test_attack_leaves_the_detector_unchanged(tiny, make_detector, batch, method):
    detector = make_detector(tiny).train()
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    method(detector, batch, LABELS, FRAMES, 0.05)
    assert detector.training
    assert all(torch.equal(value, before[name]) for name, value in detector.state_dict().items())
    assert all(p.grad is None for p in detector.parameters())


@METHODS
def test_missing_modality_is_not_perturbed(tiny, make_detector, make_sample, method):
    detector = make_detector(tiny)
    no_face = collate([make_sample(0, 6000)], tiny)
    attacked = method(detector, no_face, LABELS[:1], FRAMES, 0.1)
    assert torch.equal(attacked.frames, no_face.frames)
    silent = collate([make_sample(2, 0)], tiny)
    attacked = method(detector, silent, LABELS[:1], BOTH, 0.1)
    assert torch.equal(attacked.waveform, silent.waveform)
    assert not torch.equal(attacked.frames, silent.frames)


@METHODS
def test_unknown_target_is_refused(tiny, make_detector, batch, method):
    with pytest.raises(ConfigError, match="lips"):
        method(make_detector(tiny), batch, LABELS, "lips", 0.1)


def test_flow_is_not_perturbed(tiny, make_detector, make_sample):
    detector = make_detector(tiny, flow=True)
    batch = collate([make_sample(2, 4000)], detector.settings)
    attacked = fgsm(detector, batch, LABELS[:1], FRAMES, 0.05)
    assert torch.equal(attacked.flow, batch.flow)
    assert not torch.equal(attacked.frames, batch.frames)
