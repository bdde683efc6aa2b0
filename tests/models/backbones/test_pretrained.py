import socketserver
import threading

import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from transformers import HubertConfig, HubertModel, WavLMConfig, WavLMModel

from unmask.errors import WeightsError
from unmask.models.backbones.pretrained import (
    TINY_CONFIG,
    load_frame_weights,
    load_voice,
    voice_from_config,
)

NAME = "lcnet_050"


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """An unreachable hub and an empty cache."""
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture
def broken_hub(offline, monkeypatch):
    """A hub that closes every connection without a response; yields the list of connections."""
    connections = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            connections.append("connection")

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield connections
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def trained():
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return timm.create_model(NAME, pretrained=False, num_classes=10)


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_local_file_is_loaded_without_its_classifier(tmp_path, trained, suffix):
    file = tmp_path / f"weights.{suffix}"
    save = save_file if suffix == "safetensors" else torch.save
    save(trained.state_dict(), file)
    backbone = timm.create_model(NAME, pretrained=False, num_classes=0)
    load_frame_weights(backbone, NAME, str(file))
    for key, value in backbone.state_dict().items():
        assert torch.equal(value, trained.state_dict()[key])


def test_weights_of_another_model_are_refused(tmp_path, trained):
    file = tmp_path / "weights.safetensors"
    save_file({"nothing": torch.zeros(1)}, file)
    with pytest.raises(WeightsError, match=r"weights of lcnet_050.*model\.frame_weights"):
        load_frame_weights(timm.create_model(NAME, num_classes=0), NAME, str(file))


def test_damaged_file_is_refused(tmp_path):
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"not safe at all")
    with pytest.raises(WeightsError, match="these are not the weights"):
        load_frame_weights(timm.create_model(NAME, num_classes=0), NAME, str(file))


def test_missing_file_error_names_the_setting(tmp_path):
    with pytest.raises(WeightsError, match=r"model\.frame_weights is .*gone\.pth.*no such file"):
        load_frame_weights(timm.create_model(NAME, num_classes=0), NAME, str(tmp_path / "gone.pth"))


def test_failing_hub_is_not_retried_for_frame_weights(broken_hub):
    with pytest.raises(WeightsError) as caught:
        load_frame_weights(timm.create_model(NAME, num_classes=0), NAME, "pretrained")
    assert broken_hub == ["connection"]
    for word in ("timm/lcnet_050", "cannot be reached", "model.frame_weights", "profile demo"):
        assert word in str(caught.value)


def test_failing_hub_is_not_retried_for_voice_weights(broken_hub):
    with pytest.raises(WeightsError) as caught:
        load_voice("facebook/wav2vec2-base", "pretrained")
    assert broken_hub == ["connection"]
    for word in ("facebook/wav2vec2-base", "model.voice_backbone", "profile demo"):
        assert word in str(caught.value)


def test_offline_variable_of_the_hub_is_respected(offline, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "ENDPOINT", "would raise: this is no address")
    with pytest.raises(WeightsError, match="cannot be reached"):
        load_voice("facebook/wav2vec2-base", "pretrained")


def test_voice_is_loaded_from_a_local_folder(tmp_path):
    saved = voice_from_config({"hidden_size": 32, "num_attention_heads": 2, "conv_dim": [8] * 7})
    saved.save_pretrained(tmp_path)
    loaded = load_voice(str(tmp_path), "pretrained")
    assert all(
        torch.equal(value, loaded.state_dict()[key]) for key, value in saved.state_dict().items()
    )
    blank = load_voice(str(tmp_path), "random")
    assert blank.config.hidden_size == 32
    assert not torch.equal(
        blank.feature_projection.projection.weight, saved.feature_projection.projection.weight
    )


def test_voice_of_another_architecture_is_refused(tmp_path):
    WavLMModel(WavLMConfig(**TINY_CONFIG)).save_pretrained(tmp_path)
    for weights in ("pretrained", "random"):
        with pytest.raises(WeightsError, match=r"of type wavlm; .*wav2vec2 and hubert"):
            load_voice(str(tmp_path), weights)


def test_hubert_gives_what_its_own_model_gives(tmp_path):
    hubert = HubertModel(HubertConfig(**TINY_CONFIG)).eval()
    hubert.save_pretrained(tmp_path)
    sound = torch.randn(1, 4000)
    with torch.inference_mode():
        expected = hubert(sound).last_hidden_state
        loaded = load_voice(str(tmp_path), "pretrained").eval()(sound).last_hidden_state
    torch.testing.assert_close(loaded, expected)


def test_voice_that_lacks_layers_is_refused(tmp_path):
    voice_from_config(TINY_CONFIG).save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    state = {name: value for name, value in load_file(file).items() if "layers.0" not in name}
    save_file(state, file, metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=r"lacks \d+ of .* such as encoder\.layers\.0"):
        load_voice(str(tmp_path), "pretrained")


def test_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(WeightsError, match=r"contains no wav2vec2 weights.*model\.voice_backbone"):
        load_voice(str(tmp_path), "pretrained")


def test_voice_has_no_spec_augment_and_no_layer_drop():
    config = load_voice("tiny", "random").config
    assert (config.mask_time_prob, config.mask_feature_prob, config.layerdrop) == (0, 0, 0)


def test_position_embeddings_are_resampled_to_another_input_size(tmp_path):
    large = timm.create_model("test_vit", num_classes=10)  # 160 px: 10 by 10 patches
    slope = torch.linspace(0, 1, 10)[None, :, None].expand(10, 10, 64)  # from left to right
    large.pos_embed.data[0, 1:] = slope.reshape(100, 64)
    file = tmp_path / "weights.safetensors"
    save_file(large.state_dict(), file)
    small = timm.create_model("test_vit", num_classes=0, img_size=64)
    load_frame_weights(small, "test_vit", str(file))
    assert torch.equal(small.pos_embed[:, 0], large.pos_embed[:, 0])  # the class token
    places = small.pos_embed[0, 1:].view(4, 4, 64).detach()
    assert (places.diff(dim=1) > 0.1).all()
    assert places.diff(dim=0).abs().max() < 0.01
    assert torch.equal(small.blocks[0].attn.qkv.weight, large.blocks[0].attn.qkv.weight)
