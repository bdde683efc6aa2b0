"""Bundles without the backbone that a pinned package has."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from unmask.config import PreprocessingSettings
from unmask.errors import BundleError
from unmask.files import file_sha256
from unmask.models import omitted_weights
from unmask.models.backbones.registry.entry import WEIGHTS_NAME
from unmask.models.backbones.registry.store import StoredNetwork
from unmask.models.bundle import Bundle, load_bundle, save_bundle
from unmask.models.bundle_metadata import is_whole
from unmask.models.calibration.platt import Calibration

PREFIX = "members.0.frame.backbone."


@pytest.fixture
def bundle(tiny, make_detector):
    detector = make_detector(tiny, 0)
    detector.settings = detector.settings.replace(frame_weights="a-network", trainable="none")
    return Bundle((detector,), PreprocessingSettings(), Calibration(), 1, "field")


@pytest.fixture
def network(bundle, tmp_path, monkeypatch):
    """The backbone as a network of the registry, which has blocks more than the detector uses."""
    backbone = bundle.first_member.frame.backbone
    state = {name: value.contiguous() for name, value in backbone.state_dict().items()}
    folder = tmp_path / "network"
    folder.mkdir()
    save_file({**state, "unused.weight": torch.ones(3)}, folder / WEIGHTS_NAME)

    def fetch(name, setting):
        assert (name, setting) == ("a-network", "model.frame_weights")
        return StoredNetwork(folder, file_sha256(folder / WEIGHTS_NAME))

    monkeypatch.setattr(omitted_weights, "is_network", lambda name: name == "a-network")
    monkeypatch.setattr(omitted_weights, "fetch_backbone", fetch)
    return folder / WEIGHTS_NAME


def weight_names(folder):
    return load_file(folder / "model.safetensors").keys()


def test_a_bundle_gets_its_backbone_from_the_package(bundle, network, tmp_path):
    saved = save_bundle(tmp_path / "small", bundle, whole=False)
    assert not is_whole(tmp_path / "small")
    assert not any(name.startswith(PREFIX) for name in weight_names(tmp_path / "small"))
    assert "members.0.frame.project.weight" in weight_names(tmp_path / "small")
    loaded = load_bundle(tmp_path / "small")
    assert loaded.sha256 == saved.sha256
    for name, value in bundle.first_member.state_dict().items():
        assert torch.equal(loaded.first_member.state_dict()[name], value), name


def test_a_bundle_is_whole_by_default_and_when_saved_again(bundle, network, tmp_path):
    save_bundle(tmp_path / "small", bundle, whole=False)
    for folder, saved in (("first", bundle), ("again", load_bundle(tmp_path / "small"))):
        save_bundle(tmp_path / folder, saved)
        assert is_whole(tmp_path / folder)
        assert any(name.startswith(PREFIX) for name in weight_names(tmp_path / folder))
    network.unlink()
    load_bundle(tmp_path / "again")


def test_a_backbone_that_was_trained_is_not_left_out(bundle, network, tmp_path):
    with torch.no_grad():
        next(bundle.first_member.frame.backbone.parameters()).add_(1e-3)
    save_bundle(tmp_path / "bundle", bundle, whole=False)
    assert is_whole(tmp_path / "bundle")


def test_another_conversion_of_the_package_is_refused(bundle, network, tmp_path):
    save_bundle(tmp_path / "small", bundle, whole=False)
    state = load_file(network)
    save_file({name: value + 1 for name, value in state.items()}, network)
    with pytest.raises(BundleError, match="other weights of a-network"):
        load_bundle(tmp_path / "small")


def test_damaged_metadata_of_what_is_left_out_is_an_error(bundle, network, tmp_path):
    save_bundle(tmp_path / "small", bundle, whole=False)
    file = tmp_path / "small" / "bundle.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "omitted_weights": [{"x": 1}]}))
    with pytest.raises(BundleError, match="damaged"):
        load_bundle(tmp_path / "small")
