import json
from dataclasses import replace

import pytest
import timm
import torch

from unmask.errors import WeightsError
from unmask.models.backbones.pretrained import load_frame_weights
from unmask.models.backbones.pretrained_voice import load_voice
from unmask.models.backbones.registry import reference_outputs, store
from unmask.models.backbones.registry.catalog import NETWORKS, UNSUPPORTED, find_network
from unmask.models.backbones.registry.reference_inputs import make_reference_input, sample_output

NAME = "efficientnet-lite0"
MODEL = "test_efficientnet"


@pytest.fixture
def content(tmp_path, monkeypatch):
    """Return a packaged checkpoint of a small network, which takes the place of a listed one."""
    torch.manual_seed(0)
    model = timm.create_model(MODEL, pretrained=False).eval()
    torch.save(model.state_dict(), tmp_path / "packed.pth")
    with torch.inference_mode():
        values = sample_output(model(torch.from_numpy(make_reference_input(MODEL))).numpy())
    references = tmp_path / "references.json"
    references.write_text(json.dumps({NAME: {"runtime": "torch", "values": values.tolist()}}))
    monkeypatch.setattr(reference_outputs, "REFERENCES", references)
    network = replace(find_network(NAME), model=MODEL)
    monkeypatch.setattr(store, "find_network", lambda name: network)
    monkeypatch.setenv("UNMASK_WEIGHTS_DIR", str(tmp_path / "cache"))
    return (tmp_path / "packed.pth").read_bytes()


def test_network_is_fetched_once_proven_and_verified(content, tmp_path):
    calls = []
    first = store.fetch_network(NAME, lambda files: calls.append(files) or content)
    again = store.fetch_network(NAME, lambda files: calls.append(files) or content)
    assert first == again
    assert len(calls) == 1
    assert [path.name for path in first.folder.parent.iterdir()] == [first.folder.name]
    assert store.verify_network(NAME).cosine == pytest.approx(1)
    with (first.folder / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x7f")
    with pytest.raises(WeightsError, match="was changed; delete that folder"):
        store.verify_network(NAME)


@pytest.mark.parametrize("damage", [lambda data: data[:1000], lambda data: b""])
def test_nothing_stays_of_a_file_that_cannot_be_converted(content, tmp_path, damage):
    with pytest.raises(WeightsError, match="not what the registry describes"):
        store.fetch_network(NAME, lambda files: damage(content))
    assert not list((tmp_path / "cache").iterdir())
    with pytest.raises(WeightsError, match="unmask weights get"):
        store.verify_network(NAME)


def test_network_that_behaves_otherwise_is_refused(content, tmp_path, monkeypatch):
    values = json.loads(reference_outputs.REFERENCES.read_text())
    values[NAME]["values"].reverse()
    reference_outputs.REFERENCES.write_text(json.dumps(values))
    with pytest.raises(WeightsError, match="cosine similarity"):
        store.fetch_network(NAME, lambda files: content)
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.parametrize("name", ["hifigan-ljspeech", "hifigan-universal"])
def test_a_vocoder_is_refused_as_a_backbone_before_it_is_fetched(name, monkeypatch):
    monkeypatch.setattr(store, "fetch_network", lambda name: pytest.fail(f"{name} was fetched"))
    with pytest.raises(WeightsError, match=f"model.voice_backbone is {name}, a vocoder"):
        load_voice(name, "pretrained")
    with pytest.raises(WeightsError, match=f"model.frame_weights is {name}, a vocoder"):
        load_frame_weights(timm.create_model(MODEL), MODEL, name)


@pytest.mark.parametrize("name", ["aasist", "meso4-deepfake"])
def test_a_detector_of_others_is_refused_as_a_backbone(name, monkeypatch):
    monkeypatch.setattr(store, "fetch_network", lambda name: pytest.fail(f"{name} was fetched"))
    with pytest.raises(WeightsError, match=f"is {name}, a detector of others, which `unmask eval"):
        load_voice(name, "pretrained")
    with pytest.raises(WeightsError, match=f"is {name}, a detector of others, which `unmask eval"):
        load_frame_weights(timm.create_model(MODEL), MODEL, name)


def test_unknown_name_is_an_error_that_lists_the_names():
    with pytest.raises(WeightsError, match="aasist, clip-vit-b16, efficientnet-lite0"):
        find_network("clip")


def test_catalog_is_complete():
    references = json.loads(reference_outputs.REFERENCES.read_text())
    for network in NETWORKS:
        assert len(references[network.name]["values"]) == 256
        assert 0.9 < network.min_cosine < 1
        for file in network.files:
            assert len(bytes.fromhex(file.sha256)) == 32
            assert file.size > 1e5
            assert len(bytes.fromhex(getattr(file, "commit", "0" * 40))) == 20
    names = [network.name for network in NETWORKS]
    assert len(set(names)) == len(names)
    assert all(each.reason for each in UNSUPPORTED)
