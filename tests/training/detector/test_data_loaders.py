from dataclasses import fields

import pytest
import torch

from unmask.data.torch.collate import collate_examples
from unmask.data.torch.evaluation_set import EvaluationClips
from unmask.models.bundle import load_bundle
from unmask.training.detector import data_loaders
from unmask.training.detector.data_loaders import build_loaders
from unmask.training.detector.fit import fit


def with_training(settings, **changes):
    return settings.replace(training=settings.training.replace(**changes))


@pytest.fixture
def training_loaders(toy_clips, toy_load, tiny_settings, monkeypatch):
    def build(device, workers):
        monkeypatch.setattr(data_loaders, "training_device", lambda _: torch.device(device))
        return build_loaders(
            toy_clips, with_training(tiny_settings, workers=workers), toy_load, None, None
        )

    return build


@pytest.mark.parametrize(
    ("device", "workers", "pinned"), [("cuda", 2, True), ("cuda", 0, False), ("cpu", 2, False)]
)
def test_workers_pin_memory_for_a_gpu(training_loaders, device, workers, pinned):
    for loader in training_loaders(device, workers):
        assert loader.pin_memory is pinned
        assert loader.persistent_workers is (workers > 0)


def tensors_of(record):
    values = [getattr(record, field.name) for field in fields(record)]
    return [part for value in values for part in (value if isinstance(value, tuple) else (value,))]


def test_every_tensor_of_a_batch_is_pinned(toy_clips, toy_load, tiny_settings, monkeypatch):
    model = tiny_settings.model.replace(flow=True, auxiliary=True)
    batch = collate_examples(list(EvaluationClips(toy_clips[:2], toy_load)), model)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda x: x.clone().unsqueeze(-1))
    pinned = batch.pin_memory()
    for part in ("batch", "targets"):
        before, after = (tensors_of(getattr(each, part)) for each in (batch, pinned))
        for own, copied in zip(before, after, strict=True):
            assert copied.shape == (*own.shape, 1)
    assert pinned.clips == batch.clips


def test_the_number_of_workers_does_not_change_the_weights(
    toy_clips, toy_load, tiny_settings, tmp_path
):
    settings = with_training(tiny_settings, epochs=1, fake_source="both")
    a, b = (
        load_bundle(
            fit(toy_clips, with_training(settings, workers=count), toy_load, tmp_path)
        ).first_member.state_dict()
        for count in (0, 2)
    )
    assert all(torch.equal(a[name], b[name]) for name in a)
