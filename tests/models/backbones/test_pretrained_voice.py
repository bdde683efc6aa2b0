"""A speech checkpoint is loaded completely or not at all."""

from argparse import Namespace

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from transformers import (
    HubertForCTC,
    Wav2Vec2ForPreTraining,
    WavLMForXVector,
    WhisperForConditionalGeneration,
)

from tests.models.backbones.speech_models import CONFIGS, encoder_of, save_checkpoint
from unmask.errors import WeightsError
from unmask.models.backbones.pretrained_voice import TINY_CONFIG, load_voice, voice_from_config


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


@pytest.mark.parametrize("name", CONFIGS)
def test_every_type_is_loaded_from_a_local_folder(tmp_path, name):
    saved = encoder_of(save_checkpoint(name, tmp_path)).state_dict()
    loaded = load_voice(str(tmp_path), "pretrained").state_dict()
    assert loaded.keys() == saved.keys() - {"masked_spec_embed"}
    assert all(torch.equal(value, saved[key]) for key, value in loaded.items())
    blank = load_voice(str(tmp_path), "random").state_dict()
    assert blank.keys() == loaded.keys()
    assert any(not torch.equal(value, loaded[key]) for key, value in blank.items())


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("wav2vec2", Wav2Vec2ForPreTraining),
        ("hubert", HubertForCTC),
        ("wavlm", WavLMForXVector),
        ("whisper", WhisperForConditionalGeneration),
    ],
)
def test_heads_and_decoders_are_left_out(tmp_path, name, cls):
    sizes = {} if name == "whisper" else {"vocab_size": 12, "tdnn_dim": [8] * 5}
    saved = encoder_of(save_checkpoint(name, tmp_path, cls=cls, **sizes)).state_dict()
    loaded = load_voice(str(tmp_path), "pretrained").state_dict()
    assert all(torch.equal(value, saved[key]) for key, value in loaded.items())


def test_half_precision_is_loaded_as_float32(tmp_path):
    model = save_checkpoint("whisper", tmp_path)
    model.half().save_pretrained(tmp_path)
    assert load_voice(str(tmp_path), "pretrained").dtype == torch.float32
    assert load_voice(str(tmp_path), "random").dtype == torch.float32


def test_type_that_is_not_supported_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "unispeech"}')
    for weights in ("pretrained", "random"):
        with pytest.raises(WeightsError, match=r"of type unispeech; .*wav2vec2, hubert, wavlm"):
            load_voice(str(tmp_path), weights)


@pytest.mark.parametrize("name", CONFIGS)
def test_checkpoint_that_lacks_layers_is_refused(tmp_path, name):
    save_checkpoint(name, tmp_path)
    file = tmp_path / "model.safetensors"
    state = load_file(file)
    kept = {key: value for key, value in state.items() if "layers.1." not in key}
    save_file(kept, file, metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=r"does not fit .* lacks \d+ weights \(.*layers\.1\."):
        load_voice(str(tmp_path), "pretrained")


def test_checkpoint_of_another_type_than_its_configuration_is_refused(tmp_path):
    save_checkpoint("wavlm", tmp_path)
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace('"wavlm"', '"wav2vec2"'))
    with pytest.raises(
        WeightsError,
        match=r"does not fit a wav2vec2 encoder: it has .* the model does not .*gru_rel_pos",
    ):
        load_voice(str(tmp_path), "pretrained")


def test_pickled_code_is_refused(tmp_path):
    save_checkpoint("wav2vec2", tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save({"conv": Namespace()}, tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsError, match=r"could run code, .* use a checkpoint in safetensors"):
        load_voice(str(tmp_path), "pretrained")


def test_weights_in_a_torch_file_are_loaded(tmp_path):
    saved = save_checkpoint("wav2vec2", tmp_path).state_dict()
    (tmp_path / "model.safetensors").unlink()
    torch.save(saved, tmp_path / "pytorch_model.bin")
    loaded = load_voice(str(tmp_path), "pretrained").state_dict()
    assert all(torch.equal(value, saved[key]) for key, value in loaded.items())


def test_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(WeightsError, match=r"contains no weights.*model\.voice_backbone"):
        load_voice(str(tmp_path), "pretrained")


@pytest.mark.parametrize("name", ["wav2vec2", "wavlm", "wav2vec2-bert"])
def test_voice_has_no_spec_augment_and_no_layer_drop(name):
    config = voice_from_config(CONFIGS[name]).config
    assert (config.mask_time_prob, config.mask_feature_prob, config.layerdrop) == (0, 0, 0)


def test_configuration_without_a_type_is_that_of_wav2vec2():
    assert voice_from_config(TINY_CONFIG).config.model_type == "wav2vec2"
