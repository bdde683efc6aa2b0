import pytest

from tests.factories import make_model_settings
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
