import json
import zipfile
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.models.backbones.speech_models import CONFIGS, build_speech_model
from unmask.config import PreprocessingSettings, SamplingSettings, UncertaintySettings
from unmask.errors import BundleError
from unmask.models.bundle import Bundle, load_bundle, save_bundle
from unmask.models.bundle_metadata import is_whole
from unmask.models.calibration.domain import CalibrationDomain
from unmask.models.calibration.platt import Calibration, ConformalGuarantee, SegmentThresholds
from unmask.models.collate import collate
from unmask.models.detector import Detector
from unmask.models.ensemble.weight_packing import share_parameters
from unmask.models.inference import score_samples
from unmask.models.lipsync.network import SyncNet
from unmask.models.lipsync.speech_towers import SpeechTowers
from unmask.records import FOOTAGE_FACTS, ModelInput

HERE = Path(__file__).parent  # with bundles written by older releases


FACTS = len(FOOTAGE_FACTS)
DOMAIN = CalibrationDomain(
    mean=(0.5,) * FACTS,
    covariance=tuple(map(tuple, np.eye(FACTS).tolist())),
    may_lack=(False,) * FACTS,
    limit=1.5,
    rate=0.1,
    clips=24,
)
LATER_FACTS = ("bits_per_pixel",)  # that the domain of schema 6 did not have
OLDER_FACTS = tuple(fact for fact in FOOTAGE_FACTS if fact not in LATER_FACTS)
OLDER_DOMAIN = replace(
    DOMAIN,
    mean=DOMAIN.mean[: len(OLDER_FACTS)],
    covariance=tuple(map(tuple, np.eye(len(OLDER_FACTS)).tolist())),
    may_lack=DOMAIN.may_lack[: len(OLDER_FACTS)],
    facts=OLDER_FACTS,
)


@pytest.fixture
def make_bundle(tiny, make_detector):
    def make(*seeds, **changes):
        return Bundle(
            members=tuple(make_detector(tiny, seed, **changes) for seed in seeds or (0,)),
            preprocessing=PreprocessingSettings(sampling=SamplingSettings(rate_hz=4.0)),
            calibration=Calibration(
                1.7,
                0.3,
                0.6,
                0.2,
                ConformalGuarantee(0.1, 0.05, 24, 23),
                -0.4,
                Calibration(1.2, 0.2, 0.8),
                SegmentThresholds(0.5, 0.7, 0.9),
            ),
            phase=1,
            profile="demo",
            provenance={"seed": "7"},
            uncertainty=UncertaintySettings(passes=3, fpr=0.1, fnr=0.05),
            domain=DOMAIN,
        )

    return make


@torch.inference_mode()
def test_saved_bundle_scores_the_same_when_loaded(tmp_path, make_bundle, make_sample, tiny):
    saved = save_bundle(tmp_path / "deep" / "bundle", make_bundle())
    loaded = load_bundle(tmp_path / "deep" / "bundle")
    batch = collate([make_sample(3, 9000)], tiny)
    assert torch.equal(saved.first_member(batch).logit, loaded.first_member(batch).logit)
    assert loaded.settings == saved.settings
    assert loaded.preprocessing == saved.preprocessing
    assert loaded.calibration == saved.calibration
    assert loaded.uncertainty == saved.uncertainty
    assert loaded.domain == saved.domain == make_bundle().domain
    assert loaded.provenance == saved.provenance
    assert (loaded.phase, loaded.profile, loaded.schema_version) == (1, "demo", 7)
    assert loaded.sha256 == saved.sha256
    assert loaded.provenance["seed"] == "7"
    assert loaded.provenance["version_torch"] == version("torch")


def test_hash_differs_for_other_weights_or_calibration(tmp_path, make_bundle):
    first = make_bundle()
    bundles = [first, make_bundle(1), replace(first, calibration=Calibration())]
    hashes = {save_bundle(tmp_path / str(n), bundle).sha256 for n, bundle in enumerate(bundles)}
    assert len(hashes) == 3
    assert save_bundle(tmp_path / "again", make_bundle()).sha256 in hashes


@torch.inference_mode()
def test_every_member_keeps_its_scores_and_dropout(
    tmp_path, make_bundle, make_detector, make_sample, tiny
):
    members = (make_detector(tiny, 0), make_detector(tiny, 1, dropout=0.5), make_detector(tiny, 2))
    save_bundle(tmp_path / "bundle", replace(make_bundle(), members=members))
    loaded = load_bundle(tmp_path / "bundle")
    batch = collate([make_sample(3, 9000)], tiny)
    for before, after in zip(members, loaded.members, strict=True):
        assert torch.equal(before(batch).logit, after(batch).logit)
    assert [member.settings.dropout for member in loaded.members] == [0.3, 0.5, 0.3]
    assert loaded.first_member is loaded.members[0]


def test_shared_tensors_are_stored_once_and_shared_when_loaded(tmp_path, make_bundle):
    bundle = make_bundle(0, 1)
    first, second = bundle.members
    names = [f"frame.{name}" for name in first.frame.state_dict()]
    share_parameters(first, second, names)
    save_bundle(tmp_path / "bundle", bundle)
    stored = load_file(tmp_path / "bundle" / "model.safetensors")
    assert not any(name.startswith("members.1.frame.") for name in stored)
    assert "members.1.voice.project.weight" in stored
    loaded_first, loaded_second = load_bundle(tmp_path / "bundle").members
    assert loaded_first.frame.project.weight is loaded_second.frame.project.weight
    assert loaded_first.voice.project.weight is not loaded_second.voice.project.weight
    for before, after in ((first, loaded_first), (second, loaded_second)):
        for name, value in before.state_dict().items():
            assert torch.equal(value, after.state_dict()[name]), name


def test_lip_sync_network_is_saved_in_its_own_file(tmp_path, make_bundle):
    sync = SyncNet(dim=8)
    sync.mapping.copy_(torch.tensor([2.0, -1.0, 0.5, 0.25]))
    saved = save_bundle(tmp_path / "bundle", replace(make_bundle(), sync=sync))
    names = sorted(path.name for path in (tmp_path / "bundle").iterdir())
    assert names == ["bundle.json", "model.safetensors", "sync.safetensors"]
    loaded = load_bundle(tmp_path / "bundle")
    assert loaded.sync.config == saved.sync.config
    for name, value in sync.state_dict().items():
        assert torch.equal(value, loaded.sync.state_dict()[name]), name
    assert not loaded.sync.training
    sync.log_scale.data += 1  # other weights of lip-sync change the hash
    other = save_bundle(tmp_path / "other", replace(make_bundle(), sync=sync))
    assert other.sha256 != saved.sha256
    (tmp_path / "bundle/sync.safetensors").write_bytes(b"damaged")
    with pytest.raises(BundleError, match="its hash differs"):
        load_bundle(tmp_path / "bundle")


def test_the_demonstration_model_judges_footage_like_its_calibration_clips_alone(make_bundle):
    demo, like, unlike = make_bundle(), np.full(FACTS, 0.5), np.full(FACTS, 2.5)
    assert demo.judges(like)
    assert not demo.judges(unlike)
    assert not replace(demo, domain=None).judges(like)  # an older bundle cannot tell
    assert replace(demo, profile="full").judges(unlike)


def test_a_domain_of_other_facts_is_ignored(tmp_path, make_bundle):
    other = replace(DOMAIN, facts=("hue", *FOOTAGE_FACTS[1:]))
    save_bundle(tmp_path / "bundle", replace(make_bundle(), domain=other))
    assert load_bundle(tmp_path / "bundle").domain is None
    save_bundle(tmp_path / "older", replace(make_bundle(), domain=OLDER_DOMAIN))
    older = load_bundle(tmp_path / "older")
    assert older.domain == OLDER_DOMAIN
    assert older.judges(np.full(FACTS, 0.5))


def test_members_of_different_architectures_are_refused(make_bundle, make_detector, tiny):
    with pytest.raises(BundleError, match="different architectures"):
        replace(make_bundle(), members=(make_detector(tiny), make_detector(tiny, voice_dim=9)))
    with pytest.raises(BundleError, match="at least one"):
        replace(make_bundle(), members=())


GUARANTEE, SIX_TENTHS = ConformalGuarantee(0.1, 0.05, 24, 23), SegmentThresholds(0.6, 0.6, 0.6)
# scores of the formula sample by the release that wrote each bundle: member logits, fake
# probability, probabilities of face and voice
OLDER = [
    (
        1,
        Calibration(1.7, 0.3, 0.6, alarms=SIX_TENTHS),
        UncertaintySettings(),
        ([4.8070], 0.94415, 0.41034, 0.58615),
    ),
    (
        2,
        Calibration(1.7, 0.3, 0.6, 0.2, GUARANTEE, alarms=SIX_TENTHS),
        UncertaintySettings(passes=3, fpr=0.1, fnr=0.05),
        ([4.8070, 2.7993], 0.87993, 0.41526, 0.53111),
    ),
    (
        3,
        Calibration(1.7, 0.3, 0.6, guarantee=GUARANTEE, bias=-0.4, alarms=SIX_TENTHS),
        UncertaintySettings(),
        ([4.8070], 0.91891, 0.41034, 0.58615),
    ),
    (
        6,
        Calibration(
            1.7,
            0.3,
            0.6,
            0.2,
            replace(GUARANTEE, people=8),
            -0.4,
            Calibration(1.2, 0.2, 0.8, guarantee=replace(GUARANTEE, people=8), bias=0.1),
            SegmentThresholds(0.5, 0.7, 0.9),
        ),
        UncertaintySettings(),
        ([4.8070], 0.98379, 0.41034, 0.58615),
    ),
]


def extract_older_bundle(schema, folder):
    with zipfile.ZipFile(HERE / f"schema_{schema}.zip") as archive:
        archive.extractall(folder)
    return folder


@pytest.mark.parametrize(("schema", "calibration", "uncertainty", "expected"), OLDER)
def test_older_bundle_scores_as_the_release_that_wrote_it(
    tmp_path, schema, calibration, uncertainty, expected
):
    bundle = load_bundle(extract_older_bundle(schema, tmp_path))
    assert json.loads((tmp_path / "bundle.json").read_text())["schema_version"] == schema
    assert bundle.schema_version == schema
    assert (bundle.calibration, bundle.uncertainty) == (calibration, uncertainty)
    assert bundle.domain == (OLDER_DOMAIN if schema == 6 else None)
    (score,) = score_samples(bundle, [formula_sample()], "32")
    logits, probability, video, audio = expected
    assert score.member_logits == pytest.approx(logits, abs=0.02)
    assert score.probability == pytest.approx(probability, abs=0.001)
    assert score.video_probability == pytest.approx(video, abs=0.001)
    assert score.audio_probability == pytest.approx(audio, abs=0.001)
    again = save_bundle(tmp_path / "again", bundle)
    assert again.schema_version == load_bundle(tmp_path / "again").schema_version == 7
    assert score_samples(again, [formula_sample()], "32")[0].logit == score.logit


@pytest.mark.parametrize("has_lips", [True, False])
def test_bundle_that_does_not_say_so_does_not_ask_who_speaks(tmp_path, make_bundle, has_lips):
    bundle = make_bundle()
    lips = bundle.preprocessing.lips.replace(enabled=True)
    asking = replace(bundle, preprocessing=bundle.preprocessing.replace(lips=lips))
    save_bundle(tmp_path / "bundle", asking)
    assert load_bundle(tmp_path / "bundle").judges_speakers
    path = tmp_path / "bundle/bundle.json"
    facts = json.loads(path.read_text())
    del facts["preprocessing"]["lips"]["active_speaker"]
    if not has_lips:
        del facts["preprocessing"]["lips"]
    path.write_text(json.dumps(facts))
    loaded = load_bundle(tmp_path / "bundle")
    assert not loaded.judges_speakers
    assert loaded.preprocessing.lips.enabled is has_lips


def test_genuine_features_are_saved_in_their_own_file(tmp_path, make_bundle):
    features = {"blocks.1": torch.randn(4, 3, 3)}
    save_bundle(tmp_path / "bundle", replace(make_bundle(), genuine_features=features))
    loaded = load_bundle(tmp_path / "bundle").genuine_features
    assert list(loaded) == ["blocks.1"]
    assert torch.equal(loaded["blocks.1"], features["blocks.1"])
    (tmp_path / "bundle/genuine_features.safetensors").write_bytes(b"damaged")
    with pytest.raises(BundleError, match=r"genuine_features.*its hash differs"):
        load_bundle(tmp_path / "bundle")


def test_bundle_of_schema_6_has_no_genuine_features(tmp_path, make_bundle):
    save_bundle(tmp_path / "bundle", make_bundle())
    path = tmp_path / "bundle/bundle.json"
    metadata = json.loads(path.read_text())
    del metadata["genuine_features_sha256"]
    path.write_text(json.dumps({**metadata, "schema_version": 6}))
    assert load_bundle(tmp_path / "bundle").genuine_features == {}


def test_bundle_of_schema_4_has_no_domain(tmp_path, make_bundle):
    saved = save_bundle(tmp_path / "bundle", make_bundle())
    path = tmp_path / "bundle/bundle.json"
    facts = json.loads(path.read_text())
    del facts["domain"]
    facts["voice_config"] = facts.pop("voice_configs")[0]
    path.write_text(json.dumps(facts | {"schema_version": 4}))
    loaded = load_bundle(tmp_path / "bundle")
    assert (loaded.schema_version, loaded.domain) == (4, None)
    assert loaded.calibration == saved.calibration


@torch.inference_mode()
def test_bundle_of_schema_5_has_one_speech_model_for_all(tmp_path, make_bundle, make_sample, tiny):
    saved = save_bundle(tmp_path / "bundle", make_bundle(0, 1))
    path = tmp_path / "bundle/bundle.json"
    facts = json.loads(path.read_text())
    facts["voice_config"], other = facts.pop("voice_configs")
    assert other == facts["voice_config"]
    path.write_text(json.dumps(facts | {"schema_version": 5}))
    batch = collate([make_sample(3, 9000)], tiny)
    for before, after in zip(saved.members, load_bundle(tmp_path / "bundle").members, strict=True):
        assert torch.equal(before(batch).logit, after(batch).logit)


@torch.inference_mode()
def test_detectors_of_older_bundles_ignore_time(tmp_path, make_bundle, make_sample, tiny):
    settings = {"fusion": "attention", "temporal": "transformer", "frame_times": False}
    save_bundle(tmp_path / "bundle", make_bundle(0, **settings))
    path = tmp_path / "bundle/bundle.json"
    facts = json.loads(path.read_text())
    del facts["members"][0]["frame_times"]
    path.write_text(json.dumps(facts | {"schema_version": 6}))
    loaded = load_bundle(tmp_path / "bundle").first_member
    saved = make_bundle(0, **settings).first_member
    sample = make_sample(6, 16_000)
    batch, moved = (
        collate([x], loaded.settings) for x in (sample, replace(sample, times_s=3 * sample.times_s))
    )
    assert loaded.settings == saved.settings
    assert torch.equal(loaded(batch).logit, saved(batch).logit)
    assert torch.equal(loaded(batch).logit, loaded(moved).logit)


def test_older_bundle_without_fake_verdict_gets_segment_thresholds_of_one_half(tmp_path):
    extract_older_bundle(3, tmp_path)
    facts = json.loads((tmp_path / "bundle.json").read_text())
    facts["calibration"]["fake_above"] = 1.0
    (tmp_path / "bundle.json").write_text(json.dumps(facts))
    assert load_bundle(tmp_path).calibration.alarms == SegmentThresholds(0.5, 0.5, 0.5)


def formula_sample():
    """Faces and sound by formula, independent of random generators."""
    y, x, colour, frame = np.indices((224, 224, 3, 3))
    pattern = (x * (3 + frame) + y * (5 + colour) + x * y * (1 + frame) % 97) % 256
    time_s = np.arange(9000) / 16_000
    hum, sweep = np.sin(2 * np.pi * 300 * time_s), np.sin(2 * np.pi * (900 + 400 * time_s) * time_s)
    return ModelInput(
        faces=np.ascontiguousarray(np.moveaxis(pattern, 3, 0)).astype(np.uint8),
        flow=None,
        waveform=(0.2 * hum + 0.1 * sweep).astype(np.float32),
        is_speech=np.arange(9000) % 6000 < 4000,
    )


def test_saving_replaces_an_older_bundle_without_leftovers(tmp_path, make_bundle):
    save_bundle(tmp_path / "bundle", make_bundle())
    saved = save_bundle(tmp_path / "bundle", make_bundle(1))
    assert load_bundle(tmp_path / "bundle").sha256 == saved.sha256
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_gates_file_is_loaded_and_does_not_change_the_hash(tmp_path, make_bundle):
    saved = save_bundle(tmp_path / "bundle", make_bundle())
    assert load_bundle(tmp_path / "bundle").gates == ()
    (tmp_path / "bundle/gates.json").write_text('[{"name": "auc", "value": 0.8}]')
    again = load_bundle(tmp_path / "bundle")
    assert again.gates == ({"name": "auc", "value": 0.8},)
    assert again.sha256 == saved.sha256
    rows = '[{"name": "auc", "value": 0.8}]'
    (tmp_path / "bundle/gates.json").write_text(f'{{"rows": {rows}, "notes": ["no sound"]}}')
    noted = load_bundle(tmp_path / "bundle")
    assert (noted.gates, noted.notes, noted.sha256) == (again.gates, ("no sound",), saved.sha256)


def test_bundle_consists_of_safetensors_and_json(tmp_path, make_bundle):
    save_bundle(tmp_path / "bundle", make_bundle())
    names = sorted(path.name for path in (tmp_path / "bundle").iterdir())
    assert names == ["bundle.json", "model.safetensors"]


def damaged_weights(folder):
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def without_weights(folder):
    (folder / "model.safetensors").unlink()


def of_another_schema(folder):
    _edit(folder, schema_version=99)


def of_an_unknown_setting(folder):
    (member,) = json.loads((folder / "bundle.json").read_text())["members"]
    _edit(folder, members=[member | {"magic": 1}])


def not_json(folder):
    (folder / "bundle.json").write_text("{")


def of_another_architecture(folder):
    (member,) = json.loads((folder / "bundle.json").read_text())["members"]
    _edit(folder, members=[member | {"voice_dim": 9}])


def without_a_key(folder):
    facts = json.loads((folder / "bundle.json").read_text())
    del facts["calibration"]
    (folder / "bundle.json").write_text(json.dumps(facts))


def with_damaged_gates(folder):
    (folder / "gates.json").write_text("{")


def _edit(folder, **changes):
    path = folder / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damaged_weights, "its hash differs"),
        (without_weights, "cannot read the weights"),
        (of_another_schema, "schema 99"),
        (of_an_unknown_setting, "magic"),
        (of_another_architecture, "cannot read the weights"),
        (not_json, "damaged"),
        (without_a_key, "calibration"),
        (with_damaged_gates, "gates.json: damaged"),
    ],
)
def test_damaged_bundle_is_refused(tmp_path, make_bundle, damage, message):
    save_bundle(tmp_path / "bundle", make_bundle())
    damage(tmp_path / "bundle")
    with pytest.raises(BundleError, match=message):
        load_bundle(tmp_path / "bundle")


def test_empty_folder_is_refused(tmp_path):
    with pytest.raises(BundleError, match="no bundle here"):
        load_bundle(tmp_path)


@torch.inference_mode()
@pytest.mark.parametrize("flow", [False, True])
def test_low_rank_adapters_are_merged_into_the_weights_of_a_bundle(
    tiny, make_detector, make_sample, tmp_path, flow
):
    settings = tiny.replace(frame_backbone="test_vit", trainable="lora", lora_rank=2, flow=flow)
    detector = make_detector(settings)
    for name, parameter in detector.named_parameters():
        if name.endswith(".up"):
            torch.nn.init.normal_(parameter)
    batch = collate([make_sample(3, 9000)], settings)
    expected = detector(batch).logit
    bundle = Bundle((detector,), PreprocessingSettings(), Calibration(), phase=1, profile="full")
    save_bundle(tmp_path / "bundle", bundle)
    loaded = load_bundle(tmp_path / "bundle").first_member
    torch.testing.assert_close(loaded(batch).logit, expected, atol=1e-4, rtol=1e-4)
    assert loaded.settings == settings
    plain = make_detector(settings.replace(trainable="norms"))
    assert loaded.state_dict().keys() == plain.state_dict().keys()


@torch.inference_mode()
@pytest.mark.parametrize("name", CONFIGS)
def test_every_type_of_speech_model_is_read_back(tiny, make_sample, tmp_path, name):
    settings = tiny.replace(voice_layers="weighted", voice_frozen_layers=1)
    detector = Detector(settings, build_speech_model(name)).eval()
    torch.nn.init.normal_(detector.voice.layer_weights)
    torch.nn.init.normal_(detector.head[-1].weight)
    bundle = Bundle((detector,), PreprocessingSettings(), Calibration(), phase=1, profile="full")
    save_bundle(tmp_path / "bundle", bundle)
    batch = collate([make_sample(2, 9000)], settings)
    loaded = load_bundle(tmp_path / "bundle").first_member
    assert torch.equal(loaded(batch).logit, detector(batch).logit)


@pytest.fixture
def published_voice(monkeypatch):
    """The registry's `whisper-base`, for which a small model stands in."""
    from unmask.models.backbones.registry.store import StoredNetwork
    from unmask.models.lipsync import omitted_voice

    published = {"sha256": "a" * 64, "seed": 2}
    monkeypatch.setattr(
        *(omitted_voice, "fetch_backbone"),
        lambda name, setting: StoredNetwork(Path(name), published["sha256"]),
    )
    monkeypatch.setattr(
        *(omitted_voice, "load_voice"),
        lambda name, weights: build_speech_model("whisper", published["seed"]),
    )
    return published


def test_speech_model_of_lip_sync_is_left_out_of_a_bundle_that_is_not_whole(
    tmp_path, make_bundle, published_voice
):
    sync = SpeechTowers(build_speech_model("whisper"), 1, 4, voice_name="whisper-base")
    bundle = replace(make_bundle(), sync=sync)
    save_bundle(tmp_path / "whole", bundle)
    save_bundle(tmp_path / "small", bundle, whole=False)
    assert is_whole(tmp_path / "whole")
    assert not is_whole(tmp_path / "small")
    stored = load_file(tmp_path / "small" / "sync.safetensors")
    assert stored.keys() == {"mapping", "mouth.weight", "sound.weight"}
    for folder in ("whole", "small"):
        loaded = load_bundle(tmp_path / folder).sync
        assert loaded.config == sync.config
        for name, value in sync.state_dict().items():
            assert torch.equal(value, loaded.state_dict()[name]), name
    published_voice["sha256"] = "b" * 64
    with pytest.raises(BundleError, match="other weights of whisper-base"):
        load_bundle(tmp_path / "small")


def test_a_speech_model_of_other_weights_stays_in_the_bundle(
    tmp_path, make_bundle, published_voice
):
    published_voice["seed"] = 5
    sync = SpeechTowers(build_speech_model("whisper"), 1, 4, voice_name="whisper-base")
    save_bundle(tmp_path / "small", replace(make_bundle(), sync=sync), whole=False)
    assert is_whole(tmp_path / "small")
    assert "voice.conv1.weight" in load_file(tmp_path / "small" / "sync.safetensors")
