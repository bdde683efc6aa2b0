"""`params.yaml`: layers, overrides and error messages."""

from pathlib import Path

import pytest
import yaml

from unmask.config import Gate, PreprocessingSettings, Settings, from_dict, load_settings, to_dict
from unmask.errors import ConfigError

ROOT = Path(__file__).parents[2]


def write_params(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    return path


def test_the_full_profile_of_phase_1_has_the_defaults_but_for_the_speech_layers():
    settings = load_settings(ROOT / "params.yaml", phase=1, profile="full")
    assert settings.model == Settings().model.replace(voice_layers="weighted")
    assert settings.preprocessing.without_source_faces() == Settings().preprocessing


def test_every_phase_and_profile_of_the_file_can_be_read():
    file = yaml.safe_load((ROOT / "params.yaml").read_text())
    for phase in file["phases"]:
        for profile in file["profiles"]:
            settings = load_settings(ROOT / "params.yaml", phase, profile)
            assert (settings.phase, settings.profile) == (phase, profile)


def test_a_renamed_key_overrides_its_earlier_name_and_the_other_way_round(tmp_path):
    text = (
        "training: {%s: labelled}\nphases: {1: {}, 2: {training: {%s: both}}}\nprofiles: {full: {}}"
    )
    for names in (("fake_source", "fakes"), ("fakes", "fake_source")):
        path = write_params(tmp_path, text % names)
        crops = "preprocessing.source_faces.enabled=true"
        assert load_settings(path, 2, overrides=[crops]).training.fake_source == "both"
        for name in names:
            settings = load_settings(path, 2, overrides=[crops, f"training.{name}=forged"])
            assert settings.training.fake_source == "forged"


def test_an_empty_phase_or_profile_changes_nothing(tmp_path):
    path = write_params(tmp_path, "seed: 3\nphases: {1: null}\nprofiles: {full: null}")
    assert load_settings(path) == Settings(seed=3)


def test_profile_overrides_phase_and_phase_overrides_sections(tmp_path):
    path = write_params(
        tmp_path,
        """
        training: {epochs: 1, batch_clips: 1, frames: 1, patience: 1}
        phases: {1: {training: {batch_clips: 2, frames: 2, patience: 2}}}
        profiles: {demo: {training: {frames: 3, patience: 3}}}
        """,
    )
    training = load_settings(path, 1, "demo", ["training.patience=4"]).training
    assert (training.epochs, training.batch_clips, training.frames, training.patience) == (
        1,
        2,
        3,
        4,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("faces: {}", "faces"),
        ("training: {epoch: 3}", "epoch"),
        ("training: {epochs: many}", "training.epochs"),
        ("training: {epochs: true}", "training.epochs"),
        ("training: 3", "expected a block"),
        ("model: {temporal: lstm}", "lstm"),
        ("gates: {auc: {limit: 0.9, level: optional}}", "optional"),
        ("uncertainty: {fpr: 2.0}", "uncertainty.fpr is 2.0"),
        ("uncertainty: {fnr: 0.0}", "uncertainty.fnr"),
        ("sync: {weight: 3.0}", "sync.weight"),
        ("sync: {enabled: true}", "preprocessing.lips.enabled=true"),
        ("training: [", "not YAML"),
        ("- 1", "expected a block"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path, text, message):
    path = write_params(
        tmp_path, text + "\nphases: {1: {}}\nprofiles: {demo: {}}" if "- 1" not in text else text
    )
    with pytest.raises(ConfigError, match=message):
        load_settings(path, 1, "demo")


def test_a_missing_file_says_where_to_run(tmp_path):
    with pytest.raises(ConfigError, match="project's root"):
        load_settings(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("phase", "profile", "message"), [(9, "demo", "phase"), (1, "big", "profile")]
)
def test_a_phase_or_profile_that_does_not_exist_is_refused(phase, profile, message):
    with pytest.raises(ConfigError, match=message):
        load_settings(ROOT / "params.yaml", phase, profile)


def test_an_override_without_a_value_is_refused():
    with pytest.raises(ConfigError, match=r"section\.key=value"):
        load_settings(ROOT / "params.yaml", 1, "demo", ["training.epochs"])


def test_an_override_of_an_unknown_key_is_refused():
    with pytest.raises(ConfigError, match="lambda"):
        load_settings(ROOT / "params.yaml", 1, "demo", ["training.lambda=1"])


def test_settings_are_restored_from_their_stored_form():
    settings = load_settings(ROOT / "params.yaml", 1, "demo")
    assert from_dict(Settings, to_dict(settings)) == settings
    assert (
        from_dict(PreprocessingSettings, to_dict(settings.preprocessing)) == settings.preprocessing
    )


def test_an_optional_block_may_be_null(tmp_path):
    text = "gates: {codec_gap: %s}\nphases: {1: {}, 3: {gates: {codec_gap: {limit: 0.1}}}}\n"
    path = write_params(tmp_path, text % "null" + "profiles: {full: {}}")
    assert load_settings(path, 1).gates.codec_gap is None
    assert load_settings(path, 3).gates.codec_gap == Gate(limit=0.1, level="required")
    assert from_dict(Settings, to_dict(load_settings(path, 1))) == load_settings(path, 1)
    with pytest.raises(ConfigError, match=r"gates\.codec_gap"):
        load_settings(write_params(tmp_path, text % "3" + "profiles: {full: {}}"), 1)


def test_the_codec_gap_is_gated_in_full_and_in_phase_3():
    for phase in (1, 2, 3):
        for profile in ("full", "demo"):
            settings = load_settings(ROOT / "params.yaml", phase, profile)
            measured = {"h264:23", "h265:28"} <= set(settings.codecs.cells)
            expected = profile == "full" or phase == 3
            assert (settings.gates.codec_gap is not None) == measured == expected
            assert ("half" in settings.codecs.cells) == (profile == "full")


@pytest.mark.parametrize(("profile", "level"), [("full", "required"), ("demo", "reported")])
def test_an_attack_through_the_codec_is_measured_and_gated_in_every_phase(profile, level):
    for phase in (1, 2, 3):
        settings = load_settings(ROOT / "params.yaml", phase, profile)
        assert settings.attacks.transmitted.enabled
        assert settings.gates.transmitted_drop == Gate(limit=0.05, level=level)
        assert settings.gates.fgsm_drop.level == "reported"


def test_an_unknown_codec_is_named(tmp_path):
    text = "codecs: {cells: [h264:23, theora:3]}\nphases: {1: {}}\nprofiles: {full: {}}"
    with pytest.raises(ConfigError, match="theora:3"):
        load_settings(write_params(tmp_path, text), 1)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("attacks.epsilons=0.05", "attacks.epsilons is 0.05; expected a list, such as [0.05]"),
        ("attacks.targets=frames", "attacks.targets is 'frames'; expected a list"),
        ("ensemble.dropouts=[a]", "ensemble.dropouts is 'a'; expected a number"),
        ("ensemble.dropouts=[1.5]", "ensemble.dropouts is 1.5; use 1 or less"),
        ("augmentation.blur=7", "augmentation.blur is 7"),
        ("augmentation.codec=-1", "augmentation.codec is -1"),
        ("model.dropout=1.5", "model.dropout is 1.5"),
        ("training.adversarial_epsilon=-0.1", "use 0 or more"),
        ("training.frames=0", "training.frames is 0; use 1 or more"),
        ("training.epochs=0", "training.epochs is 0; use 1 or more"),
        ("evaluation.bins=0", "evaluation.bins is 0; use 1 or more"),
        ("uncertainty.passes=-3", "uncertainty.passes is -3; use 0 or more"),
        ("attacks.epsilons=[-0.05]", "attacks.epsilons is -0.05; use 0 or more"),
        ("preprocessing.align.crop_px=112", "change model.input_px"),
        ("preprocessing.flow.enabled=false", "model.flow requires optical flow"),
        (
            "training.fake_source=both",
            "set preprocessing.source_faces.enabled=true, too, or leave face out of "
            "training.forged_parts",
        ),
        (
            "training.source_weights=[{source: ffpp, weight: 2.0}]",
            "training.source_weights weights the draws of training.balanced, which is off; set "
            "training.balanced=true, too",
        ),
        (
            "training.heads=logistic",
            "linear in fixed features; set model.trainable=none, model.temporal=none, "
            "model.fusion=none, model.pooling=mean, too",
        ),
        ("model.voice_context_s=-1", "model.voice_context_s is -1; use 0 or more"),
        (
            "training.cross_fit=5",
            "training.cross_fit=5 refits the heads in folds; use two or more, and "
            "training.heads=logistic",
        ),
    ],
)
def test_an_invalid_override_is_refused(override, message):
    with pytest.raises(ConfigError) as error_info:
        load_settings(ROOT / "params.yaml", 3, "demo", (override,))
    assert message in str(error_info.value)


@pytest.mark.parametrize("phase", [1, 2, 3])
def test_full_has_the_training_and_the_gates_of_real_data_switched_on(phase):
    settings = load_settings(ROOT / "params.yaml", phase, "full")
    training, gates = settings.training, settings.gates
    assert (training.fake_source, training.balanced) == ("both", True)
    assert training.ema_decay > 0
    assert training.workers > 0
    assert settings.preprocessing.source_faces.enabled
    rates = settings.augmentation.model_dump(include={"codec", "resize", "reencode", "noise"})
    assert min(rates.values()) > 0
    assert len(settings.augmentation.reencodings) > 1
    assert settings.model.voice_layers == "weighted"
    assert (settings.ensemble.members, settings.ensemble.shared_frames) == (
        (5, False) if phase == 3 else (1, False)
    )
    required = {
        name for name, gate in gates if name != "sources" and gate and gate.level != "reported"
    }
    assert required >= {"auc", "transmitted_drop", "codec_gap", "non_inferiority", "baseline_drop"}
    assert "cross_dataset_auc" in required
    assert "fgsm_drop" not in required
    assert {gate.source for gate in gates.sources if gate.metric == "auc"} == {"ffpp", "celebdf"}
    assert {gate.level for gate in gates.sources} == {"required"}
