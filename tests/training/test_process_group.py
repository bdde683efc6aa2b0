"""What a group exchanges is tested by ``detector/test_distributed_fit.py``."""

import pytest
import torch

from unmask.errors import TrainingError
from unmask.training.detector import fit as fitting
from unmask.training.process_group import (
    average,
    count_items,
    gather_objects,
    is_leader,
    join_torchrun_group,
    share_counts,
)


@pytest.fixture
def torchrun(monkeypatch):
    """The environment of the second of two processes that torchrun started."""
    values = {"TORCHELASTIC_RUN_ID": "none", "RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def test_a_single_process_keeps_its_own_values():
    counts = torch.tensor([0, 3])
    assert share_counts(counts).tolist() == [1, 3]
    assert average(torch.tensor([0.5])).tolist() == [0.5]
    assert count_items(3, torch.device("cpu")) == 3
    assert gather_objects("scores") == ["scores"]
    assert is_leader()


@pytest.mark.usefixtures("torchrun")
def test_torchrun_has_to_start_as_many_processes_as_the_settings_say():
    assert not is_leader()
    with pytest.raises(TrainingError, match="started 2 processes"), join_torchrun_group(4):
        pass


@pytest.mark.usefixtures("torchrun")
def test_torchrun_is_refused_outside_of_the_command_that_supports_it(
    toy_clips, toy_load, tiny_settings, tmp_path
):
    with pytest.raises(TrainingError, match="torchrun starts `unmask train detector` alone"):
        fitting.fit(toy_clips, tiny_settings, toy_load, tmp_path)


def test_several_machines_need_torchrun(toy_clips, toy_load, tiny_settings, tmp_path):
    training = tiny_settings.training.replace(nodes=2, devices=3)
    with pytest.raises(TrainingError, match="--nnodes 2 --nproc-per-node 3"):
        fitting.fit(toy_clips, tiny_settings.replace(training=training), toy_load, tmp_path)


@pytest.mark.parametrize("backbone", ["test_efficientnet", "residual_tiny"])
def test_synchronised_batch_norms_keep_activations_and_names_of_weights(
    backbone, tiny_settings, monkeypatch
):
    settings = tiny_settings.replace(model=tiny_settings.model.replace(frame_backbone=backbone))
    plain = fitting._build_module(settings, None).detector.eval()
    monkeypatch.setattr(fitting, "count_processes", lambda: 2)
    monkeypatch.setattr(fitting, "training_device", lambda _: torch.device("cuda"))
    synchronised = fitting._build_module(settings, None).detector.eval()
    layers = [m for m in synchronised.modules() if isinstance(m, torch.nn.SyncBatchNorm)]
    assert len(layers) == sum(isinstance(m, torch.nn.BatchNorm2d) for m in plain.modules()) > 0
    assert list(synchronised.state_dict()) == list(plain.state_dict())
    frames = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(synchronised.frame(frames, None), plain.frame(frames, None))
