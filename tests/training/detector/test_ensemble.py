import pytest

from unmask.config import EnsembleSettings, Settings
from unmask.errors import ConfigError
from unmask.models.bundle import load_bundle
from unmask.training.detector.ensemble import build_ensemble_bundle, member_settings
from unmask.training.detector.fit import FrameEncoderSource, fit


def make_settings(members, **changes):
    return Settings(seed=7, ensemble=EnsembleSettings(members=members, **changes))


def test_a_single_member_has_the_settings_of_a_single_detector():
    (only,) = member_settings(make_settings(1, dropouts=(0.5,), rate_factors=(2.0,)))
    assert only == Settings(seed=7)


def test_members_differ_in_seed_dropout_and_rate_and_in_nothing_else():
    members = member_settings(make_settings(4, dropouts=(0.1, 0.5), rate_factors=(2.0,)))
    assert [member.seed for member in members] == [7, 8, 9, 10]
    first = Settings().model.dropout
    assert [member.model.dropout for member in members] == [first, 0.1, 0.5, 0.1]
    rate = Settings().training.learning_rate
    assert [member.training.learning_rate for member in members] == [
        rate,
        2 * rate,
        2 * rate,
        2 * rate,
    ]
    common = {
        member.replace(
            seed=0,
            model=member.model.replace(dropout=0.0),
            training=member.training.replace(learning_rate=1.0),
        )
        for member in members
    }
    assert len(common) == 1


def test_two_dropouts_and_two_rates_make_four_different_members():
    members = member_settings(make_settings(5, dropouts=(0.2, 0.4), rate_factors=(0.5, 2.0)))[1:]
    pairs = {(m.model.dropout, m.training.learning_rate) for m in members}
    assert len(pairs) == 4


def test_further_members_take_encoders_in_turn():
    settings = make_settings(
        4,
        frame_backbones=("resnet18", "test_vit"),
        inputs_px=(128, 160),
        trainables=("all", "lora"),
        voice_backbones=("microsoft/wavlm-base",),
    )
    models = [member.model for member in member_settings(settings)]
    first = Settings().model
    frames = [(model.frame_backbone, model.input_px, model.trainable) for model in models]
    resnet, vit = ("resnet18", 128, "all"), ("test_vit", 160, "lora")
    own = (first.frame_backbone, first.input_px, first.trainable)
    assert frames == [own, resnet, vit, resnet]
    voices = [model.voice_backbone for model in models]
    assert voices == [first.voice_backbone, *["microsoft/wavlm-base"] * 3]


@pytest.mark.parametrize(
    "changes", [{"frame_backbones": ("resnet18",)}, {"inputs_px": (8,)}, {"trainables": ("all",)}]
)
def test_different_frame_encoders_cannot_be_shared(changes):
    with pytest.raises(ConfigError, match=r"set ensemble\.shared_frames to false"):
        member_settings(make_settings(2, shared_frames=True, **changes))


def test_a_file_of_weights_cannot_belong_to_different_backbones():
    settings = make_settings(2, frame_backbones=("resnet18",))
    settings = settings.replace(model=settings.model.replace(frame_weights="b3.safetensors"))
    with pytest.raises(ConfigError, match=r"b3\.safetensors, which belongs to one backbone"):
        member_settings(settings)


def test_an_ensemble_without_members_is_refused():
    with pytest.raises(ConfigError, match=r"ensemble\.members is 0"):
        member_settings(make_settings(0))


def fit_two_members(clips, settings, load, folder):
    """Fit a detector, and another one that takes over its frame encoder."""
    first = fit(clips, settings, load, folder)
    frozen = FrameEncoderSource(first)
    return first, fit(clips, settings.replace(seed=8), load, folder, encoder=frozen)


def test_a_frozen_frame_encoder_is_not_trained(toy_clips, toy_load, tiny_settings, tmp_path):
    first, second = fit_two_members(toy_clips, tiny_settings, toy_load, tmp_path)
    base, member = load_bundle(first).first_member, load_bundle(second).first_member
    copied = member.frame.state_dict()
    assert all(value.equal(copied[name]) for name, value in base.frame.state_dict().items())
    assert not base.head[0].weight.equal(member.head[0].weight)
    bundle = load_bundle(
        build_ensemble_bundle([first, second], tmp_path / "none", tiny_settings, tmp_path / "both")
    )
    assert len(bundle.members) == 2
    assert bundle.members[0].frame.project.weight is bundle.members[1].frame.project.weight
    assert bundle.provenance["seed"] == f"{tiny_settings.seed} 8"


@pytest.mark.parametrize("ema_decay", [0.0, 0.5])
def test_members_with_low_rank_adapters_share_a_frame_encoder(
    toy_clips, toy_load, tiny_settings, tmp_path, ema_decay
):
    model = tiny_settings.model.replace(frame_backbone="test_vit", trainable="lora")
    training = tiny_settings.training.replace(epochs=1, ema_decay=ema_decay)
    settings = tiny_settings.replace(model=model, training=training)
    first, second = fit_two_members(toy_clips, settings, toy_load, tmp_path)
    base, member = load_bundle(first).first_member, load_bundle(second).first_member
    for key, value in base.frame.state_dict().items():
        assert value.equal(member.frame.state_dict()[key])
    assert not any(key.endswith((".up", ".down")) for key in base.state_dict())
