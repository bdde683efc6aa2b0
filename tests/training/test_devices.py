import pytest
import torch

from unmask.config import TrainingSettings
from unmask.errors import TrainingError
from unmask.training.devices import count_devices, training_device


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.mark.usefixtures("two_gpus")
def test_gpus_are_used_unless_the_settings_say_cpu():
    assert training_device(TrainingSettings()).type == "cuda"
    assert training_device(TrainingSettings(accelerator="cpu")).type == "cpu"
    assert count_devices(TrainingSettings()) == 1
    assert count_devices(TrainingSettings(devices="auto")) == 2
    assert count_devices(TrainingSettings(devices=4, accelerator="cpu")) == 4
    with pytest.raises(TrainingError, match="this machine has 2 GPU"):
        count_devices(TrainingSettings(devices=3))


def test_without_a_gpu_auto_is_one_process(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert count_devices(TrainingSettings(devices="auto")) == 1
    with pytest.raises(TrainingError, match="accelerator is gpu, but there is none"):
        count_devices(TrainingSettings(accelerator="gpu"))
