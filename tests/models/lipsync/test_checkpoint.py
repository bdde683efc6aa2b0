"""A saved network comes back with its scores, and nothing else is accepted."""

import json
from copy import deepcopy

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from unmask.errors import WeightsError
from unmask.models.lipsync.checkpoint import load_sync, save_sync
from unmask.models.lipsync.scoring import sync_score


@pytest.fixture
def fitted(net):
    copied = deepcopy(net)
    copied.mapping.copy_(torch.tensor([2.0, 3.0, 0.5, 0.25]))
    return copied.train()


def test_saved_network_scores_the_same_when_loaded(fitted, make_lips, make_noise, tmp_path):
    save_sync(fitted, tmp_path / "a" / "net.safetensors", {"clips": 3})
    loaded = load_sync(tmp_path / "a" / "net.safetensors")
    lips, sound = make_lips(range(100)), make_noise(4.0)
    speech = np.ones(len(sound), bool)
    assert loaded.config == fitted.config
    assert not loaded.training
    before, after = (sync_score(network, lips, sound, speech) for network in (fitted, loaded))
    assert before.probability == after.probability
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["net.safetensors"]


def test_metadata_states_architecture_and_training(fitted, tmp_path):
    """Renaming these keys would make saved networks unreadable."""
    save_sync(fitted, tmp_path / "net.safetensors", {"clips": 3})
    with safe_open(tmp_path / "net.safetensors", framework="pt") as file:
        metadata = json.loads(file.metadata()["facts"])
    net = {"dim": 16, "rate_hz": 25.0, "norm_s": 4.0}
    assert metadata == {"net": net, "about": {"clips": 3}}


def test_saving_replaces_an_older_file(fitted, net, tmp_path):
    path = tmp_path / "net.safetensors"
    save_sync(net, path, {})
    save_sync(fitted, path, {})
    assert load_sync(path).mapping.tolist() == [2.0, 3.0, 0.5, 0.25]


@pytest.mark.parametrize("content", [None, b"", b"no weights at all"])
def test_missing_or_damaged_file_is_refused(tmp_path, content):
    path = tmp_path / "net.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match="train one with: unmask train lipsync"):
        load_sync(path)


def test_weights_of_another_model_are_refused(tmp_path):
    path = tmp_path / "net.safetensors"
    save_file({"weight": torch.zeros(1)}, path)  # no metadata
    with pytest.raises(WeightsError, match="cannot read the lip-sync network"):
        load_sync(path)


def test_weights_that_do_not_fit_their_architecture_are_refused(fitted, tmp_path):
    path = tmp_path / "net.safetensors"
    metadata = json.dumps({"net": {"dim": 8, "rate_hz": 25.0}, "about": {}})
    save_file(fitted.state_dict(), path, metadata={"facts": metadata})
    with pytest.raises(WeightsError, match="cannot read the lip-sync network"):
        load_sync(path)
