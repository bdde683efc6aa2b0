import pytest
import torch
from torch.nn import functional as F

from unmask.errors import ConfigError
from unmask.models.batch import collate
from unmask.models.fgsm import AUDIO, FRAMES, fgsm

TARGETS = pytest.mark.parametrize("target", [FRAMES, AUDIO])
LABELS = torch.tensor([True, False, True])


@pytest.fixture
def batch(tiny, a_sample):
    return collate([a_sample(3, 6000), a_sample(2, 4000), a_sample(1, 5000)], tiny)


def part(batch, target):
    return batch.frames if target == FRAMES else batch.waveform


@TARGETS
def test_no_budget_changes_nothing(tiny, a_detector, batch, target):
    attacked = fgsm(a_detector(tiny), batch, LABELS, target, 0.0)
    assert torch.equal(part(attacked, target), part(batch, target))


@TARGETS
@pytest.mark.parametrize("epsilon", [0.01, 0.1, 0.9])
def test_the_budget_and_the_range_are_kept_and_padding_is_left_alone(
    tiny, a_detector, batch, target, epsilon
):
    clean = part(batch, target)
    attacked = part(fgsm(a_detector(tiny), batch, LABELS, target, epsilon), target)
    assert (attacked - clean).abs().max() <= epsilon + 1e-6
    assert attacked.min() >= (0 if target == FRAMES else -1)
    assert attacked.max() <= 1
    mask = batch.frame_mask if target == FRAMES else batch.sample_mask
    assert torch.equal(attacked[~mask], clean[~mask])
    assert not torch.equal(attacked[mask], clean[mask])


@TARGETS
def test_only_what_is_attacked_changes(tiny, a_detector, batch, target):
    other = AUDIO if target == FRAMES else FRAMES
    attacked = fgsm(a_detector(tiny), batch, LABELS, target, 0.05)
    assert torch.equal(part(attacked, other), part(batch, other))


@TARGETS
def test_small_steps_raise_the_loss_and_a_larger_one_raises_it_more(
    tiny, a_detector, batch, target
):
    detector = a_detector(tiny)
    steps = (0.0, 0.005, 0.02) if target == FRAMES else (0.0, 0.0005, 0.002)

    @torch.no_grad()
    def loss(epsilon):
        attacked = fgsm(detector, batch, LABELS, target, epsilon)
        logit = detector(attacked).logit
        return F.binary_cross_entropy_with_logits(logit, LABELS.float(), reduction="none")

    losses = torch.stack([loss(epsilon) for epsilon in steps])
    assert (losses.diff(dim=0) > 0).all()


def test_the_detector_is_left_as_it_was(tiny, a_detector, batch):
    detector = a_detector(tiny).train()
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    fgsm(detector, batch, LABELS, FRAMES, 0.05)
    assert detector.training
    assert all(torch.equal(value, before[name]) for name, value in detector.state_dict().items())
    assert all(p.grad is None for p in detector.parameters())


def test_a_modality_that_is_missing_cannot_be_attacked(tiny, a_detector, a_sample):
    batch = collate([a_sample(0, 6000)], tiny)
    attacked = fgsm(a_detector(tiny), batch, LABELS[:1], FRAMES, 0.1)
    assert torch.equal(attacked.frames, batch.frames)


def test_an_unknown_target_is_refused(tiny, a_detector, batch):
    with pytest.raises(ConfigError, match="lips"):
        fgsm(a_detector(tiny), batch, LABELS, "lips", 0.1)
