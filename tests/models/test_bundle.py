import json
from dataclasses import replace
from importlib.metadata import version

import pytest
import torch

from unmask.config import PreprocessingSettings, SamplingSettings
from unmask.errors import BundleError
from unmask.models.batch import collate
from unmask.models.bundle import Bundle, load_bundle, save_bundle
from unmask.models.calibration import Calibration


@pytest.fixture
def a_bundle(tiny, a_detector):
    def make(seed=0):
        return Bundle(
            detector=a_detector(tiny, seed),
            preprocessing=PreprocessingSettings(sampling=SamplingSettings(rate_hz=4.0)),
            calibration=Calibration(1.7, 0.3, 0.6),
            phase=1,
            profile="demo",
            provenance={"seed": "7"},
        )

    return make


@torch.inference_mode()
def test_what_is_saved_scores_the_same_when_loaded(tmp_path, a_bundle, a_sample, tiny):
    saved = save_bundle(tmp_path / "deep" / "bundle", a_bundle())
    loaded = load_bundle(tmp_path / "deep" / "bundle")
    batch = collate([a_sample(3, 9000)], tiny)
    assert torch.equal(saved.detector(batch).logit, loaded.detector(batch).logit)
    assert loaded.settings == saved.settings
    assert loaded.preprocessing == saved.preprocessing
    assert loaded.calibration == saved.calibration
    assert loaded.provenance == saved.provenance
    assert (loaded.phase, loaded.profile, loaded.schema_version) == (1, "demo", 1)
    assert loaded.sha256 == saved.sha256
    assert loaded.provenance["seed"] == "7"
    assert loaded.provenance["version_torch"] == version("torch")


def test_the_hash_tells_other_weights_and_another_calibration(tmp_path, a_bundle):
    first = a_bundle()
    bundles = [first, a_bundle(1), replace(first, calibration=Calibration())]
    hashes = {save_bundle(tmp_path / str(n), one).sha256 for n, one in enumerate(bundles)}
    assert len(hashes) == 3
    assert save_bundle(tmp_path / "again", a_bundle()).sha256 in hashes


def test_a_bundle_replaces_an_older_one_and_leaves_nothing_else(tmp_path, a_bundle):
    save_bundle(tmp_path / "bundle", a_bundle())
    saved = save_bundle(tmp_path / "bundle", a_bundle(1))
    assert load_bundle(tmp_path / "bundle").sha256 == saved.sha256
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_bundle_is_two_files_that_can_carry_no_code(tmp_path, a_bundle):
    save_bundle(tmp_path / "bundle", a_bundle())
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
    facts = json.loads((folder / "bundle.json").read_text())
    _edit(folder, model=facts["model"] | {"magic": 1})


def not_json(folder):
    (folder / "bundle.json").write_text("{")


def without_a_key(folder):
    facts = json.loads((folder / "bundle.json").read_text())
    del facts["calibration"]
    (folder / "bundle.json").write_text(json.dumps(facts))


def _edit(folder, **changes):
    path = folder / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (damaged_weights, "its hash is not the one"),
        (without_weights, "cannot be read"),
        (of_another_schema, "schema 99"),
        (of_an_unknown_setting, "magic"),
        (not_json, "damaged"),
        (without_a_key, "calibration"),
    ],
)
def test_a_spoiled_bundle_is_refused_in_our_own_words(tmp_path, a_bundle, spoil, words):
    save_bundle(tmp_path / "bundle", a_bundle())
    spoil(tmp_path / "bundle")
    with pytest.raises(BundleError, match=words):
        load_bundle(tmp_path / "bundle")


def test_an_empty_folder_is_no_bundle(tmp_path):
    with pytest.raises(BundleError, match="no bundle here"):
        load_bundle(tmp_path)
