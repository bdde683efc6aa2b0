import json
from collections import defaultdict

import numpy as np
import pytest

from unmask.data.demo.partial import (
    PartialPlan,
    choose_stretch,
    forge_stretch,
    generate_partial_set,
    plan_recordings,
)
from unmask.data.demo.recording import record, sample_identity
from unmask.data.forgeries.methods import Footage
from unmask.data.manifest import read_manifest
from unmask.errors import DataError


@pytest.fixture(scope="module")
def plans():
    return plan_recordings(clips=240, seed=7)


@pytest.fixture(scope="module")
def footage():
    rng = np.random.default_rng(1)
    return record(sample_identity("ann", rng), 6.0, rng)


def make_plan(face_method, voice_method, forged_s=0.8):
    return PartialPlan(0, 1, 2, "test", 6.0, forged_s, face_method, voice_method)


def test_people_keep_their_splits_and_donors_are_of_the_same_split(plans):
    split_of = defaultdict(set)
    for plan in plans:
        split_of[plan.person].add(plan.split)
        split_of[plan.donor].add(plan.split)
        assert plan.person != plan.donor
    assert all(len(splits) == 1 for splits in split_of.values())
    assert len({plan.person for plan in plans if plan.split == "test"}) == 14


def test_each_person_has_a_half_minute_with_the_same_length_forged(plans):
    assert all((p.length_s, p.forged_s) == (34.0, 1.6) for p in plans if p.number == 0)
    assert {p.length_s for p in plans if p.number == 1} == {10.0, 14.0, 20.0, 60.0}
    assert all(0.3 <= plan.forged_s <= 2 for plan in plans)
    test = [plan for plan in plans if plan.split == "test"]
    assert {(p.face_method, p.voice_method) for p in test if p.number == 0} >= {
        ("lip-desync", None),
        (None, "voice-convert"),
        ("face-swap", "voice-griffinlim"),
    }


@pytest.mark.parametrize("face_method", ["face-swap", "self-blend", "lip-desync"])
def test_only_the_stretch_has_forged_frames(footage, face_method, rng):
    frames = slice(50, 70)
    forged = forge_stretch(footage, frames, footage, make_plan(face_method, None), rng)
    changed = [not np.array_equal(a, b) for a, b in zip(footage.frames, forged.frames, strict=True)]
    assert np.flatnonzero(changed).min() >= 50
    assert np.flatnonzero(changed).max() <= 69
    assert sum(changed) >= 15
    assert forged.samples is footage.samples


def test_only_the_stretch_and_its_fades_have_a_forged_voice(footage, rng):
    frames = slice(50, 70)  # 2.0 to 2.8 s
    forged = forge_stretch(footage, frames, footage, make_plan(None, "voice-convert"), rng)
    changed = np.flatnonzero(forged.samples != footage.samples) / 16_000
    assert 1.985 <= changed.min() < 2.05
    assert 2.75 < changed.max() <= 2.815
    assert all(a is b for a, b in zip(footage.frames, forged.frames, strict=True))


def test_a_voice_is_forged_where_it_speaks(rng):
    samples = np.zeros(16_000 * 6, np.float32)
    speech = record(sample_identity("ann", rng), 2.0, rng).samples
    samples[16_000 * 3 : 16_000 * 3 + len(speech)] = speech
    silent = Footage([np.zeros((2, 2, 3), np.uint8)] * 150, np.full((150, 68, 2), np.nan), samples)
    stretch = choose_stretch(silent, make_plan(None, "voice-convert"), rng)
    assert stretch.start >= 70
    assert stretch.stop - stretch.start == 20


def test_clips_and_labels_are_written_once(tmp_path, monkeypatch):
    short = PartialPlan(1, 7, 8, "val", 4.0, 0.4, "self-blend", "voice-convert")
    monkeypatch.setattr("unmask.data.demo.partial.plan_recordings", lambda clips, seed: (short,))
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo/demo.json").write_text(json.dumps({"clips": 240, "seed": 7}))
    rows = generate_partial_set(tmp_path / "demo", tmp_path / "out", jobs=1)
    assert generate_partial_set(tmp_path / "demo", tmp_path / "out", jobs=1) == rows
    genuine, fake = read_manifest(tmp_path / "out")
    assert (genuine.is_fake, genuine.fake_periods) == (False, ())
    assert (fake.manipulation, fake.pair_id) == ("self-blend+voice-convert", genuine.pair_id)
    assert [period.modality for period in fake.fake_periods] == ["video", "audio"]
    for period in fake.fake_periods:
        assert period.end_s - period.start_s == pytest.approx(0.4)
        assert 1 <= period.start_s < period.end_s <= 3


def test_another_folder_is_no_demo_set(tmp_path):
    with pytest.raises(DataError, match="give the folder of `unmask data demo`"):
        generate_partial_set(tmp_path, tmp_path / "out")
