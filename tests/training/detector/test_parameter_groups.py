from itertools import pairwise

import pytest

from tests.factories import make_model_settings
from tests.models.backbones.speech_models import CONFIGS, build_speech_model
from unmask.config import TrainingSettings
from unmask.models.detector import Detector
from unmask.training.detector.parameter_groups import parameter_groups


@pytest.fixture(scope="module")
def detector():
    return Detector(make_model_settings(voice_frozen_layers=0))


def rates_by_name(detector, **changes):
    settings = TrainingSettings(learning_rate=1e-3, weight_decay=0.1, **changes)
    names = {id(parameter): name for name, parameter in detector.named_parameters()}
    groups = parameter_groups(detector, settings)
    flat = [(names[id(p)], group) for group in groups for p in group["params"]]
    assert len(flat) == len({name for name, _ in flat})
    assert {name for name, _ in flat} == {
        name for name, p in detector.named_parameters() if p.requires_grad
    }
    for name, group in flat:
        is_vector = dict(detector.named_parameters())[name].ndim <= 1
        assert group["weight_decay"] == (0.0 if is_vector else 0.1)
    return {name: group["lr"] for name, group in flat}


def of(rates, prefix):
    return sorted({rate for name, rate in rates.items() if name.startswith(prefix)})


def test_all_parameters_have_one_rate_by_default(detector):
    assert set(rates_by_name(detector).values()) == {1e-3}


def test_backbones_have_a_rate_of_their_own(detector):
    rates = rates_by_name(detector, backbone_rate=0.1)
    for backbone in ("frame.backbone.", "voice.model."):
        assert of(rates, backbone) == [pytest.approx(1e-4)]
        rates = {name: rate for name, rate in rates.items() if not name.startswith(backbone)}
    assert set(rates.values()) == {1e-3}


def test_lower_layers_have_lower_rates(detector):
    rates = rates_by_name(detector, backbone_rate=0.1, layer_decay=0.5)
    layers = len(detector.voice.model.encoder.layers)
    assert of(rates, f"voice.model.encoder.layers.{layers - 1}.") == [pytest.approx(1e-4)]
    lowest = 1e-4 * 0.5**layers
    assert of(rates, "voice.model.feature_extractor.") == [pytest.approx(lowest)]
    frame = of(rates, "frame.backbone.")
    assert len(frame) > 1
    assert frame[-1] <= 1e-4
    stem = next(name for name in rates if name.startswith("frame.backbone."))
    assert rates[stem] == frame[0]


def test_frozen_parameters_are_in_no_group():
    detector = Detector(make_model_settings(voice_frozen_layers=0))
    detector.frame.freeze()
    rates = rates_by_name(detector, backbone_rate=0.1, layer_decay=0.9)
    assert of(rates, "frame.backbone.") == []


@pytest.mark.parametrize("name", CONFIGS)
def test_every_type_of_speech_model_has_lower_rates_below(name):
    voice = build_speech_model(name)
    detector = Detector(make_model_settings(voice_layers="weighted"), voice)
    rates = rates_by_name(detector, backbone_rate=0.1, layer_decay=0.5)
    encoder = "voice.model." if name == "whisper" else "voice.model.encoder."
    for layer, rate in ((1, 1e-4), (0, 5e-5)):
        assert of(rates, f"{encoder}layers.{layer}.") == [pytest.approx(rate)]
    below = {id(p) for module in detector.voice.backbone.lower_modules for p in module.parameters()}
    names = [key for key, p in detector.named_parameters() if id(p) in below and p.requires_grad]
    assert names
    assert sorted({rates[key] for key in names}) == [pytest.approx(2.5e-5)]
    if f"{encoder}layer_norm.weight" in rates and name not in ("wav2vec2", "hubert", "wavlm"):
        assert rates[f"{encoder}layer_norm.weight"] == pytest.approx(1e-4)  # above all layers
    assert rates["voice.layer_weights"] == 1e-3


@pytest.mark.parametrize("trainable", ["all", "norms"])
@pytest.mark.parametrize("name", ["test_vit", "vit_tiny_patch16_dinov3_qkvb"])
def test_lower_blocks_of_a_transformer_have_lower_rates(name, trainable):
    settings = make_model_settings(frame_backbone=name, trainable=trainable)
    detector = Detector(settings)
    rates = rates_by_name(detector, backbone_rate=0.1, layer_decay=0.5)
    by_block = [
        of(rates, f"frame.backbone.blocks.{block}.")
        for block in range(len(detector.frame.backbone.blocks))
    ]
    assert all(len(rate) == 1 for rate in by_block)
    for (lower,), (upper,) in pairwise(by_block):
        assert lower == pytest.approx(upper / 2)
    assert by_block[-1][0] <= 1e-4


@pytest.mark.parametrize("layer_decay", [1.0, 0.5])
def test_low_rank_adapters_have_the_rate_of_the_heads(layer_decay):
    detector = Detector(make_model_settings(frame_backbone="test_vit", trainable="lora", flow=True))
    rates = rates_by_name(detector, backbone_rate=0.05, layer_decay=layer_decay)
    adapters = {name for name in rates if name.endswith((".up", ".down"))}
    assert len(adapters) >= 2 * len(detector.frame.backbone.blocks)
    assert {rates[name] for name in adapters} == {1e-3} == set(of(rates, "frame.project."))
    kernels = {name for name in rates if name.startswith("frame.backbone.")} - adapters
    assert kernels  # of optical flow
    assert all(rates[name] <= 5e-5 for name in kernels)
