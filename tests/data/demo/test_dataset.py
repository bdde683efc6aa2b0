from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from shutil import copy, copytree

import numpy as np
import pytest

from unmask.config import FaceSettings, SpeechSettings
from unmask.data.demo import dataset
from unmask.data.demo.dataset import (
    MAX_PEOPLE,
    PairPlan,
    generate_demo_set,
    plan_pairs,
    plan_val_pairs,
    render_pair,
)
from unmask.data.manifest import read_manifest
from unmask.data.splits import find_leaks
from unmask.errors import DataError
from unmask.files import file_sha256
from unmask.preprocessing.faces.detection import get_landmarker
from unmask.preprocessing.media.audio import read_waveform
from unmask.preprocessing.media.frames import iter_sampled_frames
from unmask.preprocessing.speech.vad import detect_speech
from unmask.records import SPLITS

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo") / "set"
    generate_demo_set(out, 20, seed=3, jobs=2)
    return out


def test_default_plan_has_all_classes_in_each_split_and_no_leak():
    plans = plan_pairs(120, 7)
    assert len({plan.person for plan in plans}) >= 24
    split_of = defaultdict(set)
    for plan in plans:
        split_of[plan.person].add(plan.split)
        split_of[plan.donor].add(plan.split)
        assert plan.person != plan.donor
    assert all(len(splits) == 1 for splits in split_of.values())
    for split in SPLITS:
        kinds = Counter(
            (plan.face_method is not None, plan.voice_method is not None)
            for plan in plans
            if plan.split == split
        )
        assert set(kinds) == {(True, False), (False, True), (True, True)}
        assert max(kinds.values()) - min(kinds.values()) <= 1


@pytest.mark.parametrize("people", [2, 16])
def test_further_people_are_in_validation_alone_with_six_clips_and_all_classes(people):
    plans = plan_val_pairs(120, 7, people)
    assert [plan.number for plan in plans] == list(range(120, 120 + 3 * people))
    assert Counter(plan.person for plan in plans) == dict.fromkeys(
        range(MAX_PEOPLE, MAX_PEOPLE + people), 3
    )
    others = {plan.person for plan in plan_pairs(120, 7)}
    for plan in plans:
        assert plan.split == "val"
        assert plan.donor != plan.person
        assert plan.donor not in others
    kinds = Counter((bool(plan.face_method), bool(plan.voice_method)) for plan in plans)
    assert set(kinds.values()) == {people}


def test_manifest_matches_the_files(demo):
    clips = read_manifest(demo)
    assert len(clips) == 20
    assert sum(clip.is_fake for clip in clips) == 10
    assert all(clip.sha256 == file_sha256(clip.path) for clip in clips)
    assert all(3.0 <= clip.duration_s <= 4.2 and clip.fps == 25 for clip in clips)
    assert not find_leaks(clips)


@pytest.mark.parametrize("face_method", [None, "self-blend"])
def test_swapped_voice_is_genuine_but_mismatched(demo, face_method):
    plan = PairPlan(0, 1, 2, "train", face_method, "voice-swap")
    genuine, fake = render_pair(demo, plan, seed=3)  # both files exist
    assert not genuine.mismatched
    assert (fake.mismatched, fake.fake_audio) == (True, False)
    assert fake.fake_video == (face_method is not None)


def test_every_genuine_clip_has_a_fake_of_the_same_footage(demo):
    pairs = defaultdict(list)
    for clip in read_manifest(demo):
        pairs[clip.pair_id].append(clip)
    for pair in pairs.values():
        assert sorted(clip.is_fake for clip in pair) == [False, True]
        assert len({clip.identity for clip in pair}) == 1


def test_face_and_speech_are_detected_in_the_clips(demo):
    detect = get_landmarker(FaceSettings()).detect
    detected = total = 0
    for clip in read_manifest(demo):
        results = [detect(frame) for _, frame in iter_sampled_frames(clip.path, 5.0)]
        detected += sum(bool(faces) for faces in results)
        total += len(results)
        widths = [np.ptp(faces[0].landmarks_px[:, 0]) for faces in results if faces]
        assert np.median(widths) >= 120
        assert len(detect_speech(read_waveform(clip.path), SpeechSettings()))
    assert detected >= 0.95 * total


def test_interrupted_set_is_resumed_with_identical_bytes(demo, tmp_path):
    resumed = copytree(demo, tmp_path / "resumed")
    missing = sorted((resumed / "clips").iterdir())[:2]
    before = {path: file_sha256(path) for path in missing}
    for path in missing:
        path.unlink()
    generate_demo_set(resumed, 20, seed=3, jobs=1)
    assert {path: file_sha256(path) for path in missing} == before


def test_folder_with_other_files_is_rejected(demo, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(DataError, match="not empty"):
        generate_demo_set(tmp_path, 20, seed=3)
    with pytest.raises(DataError, match="another demo set"):
        generate_demo_set(demo, 22, seed=3)


def test_further_people_leave_the_other_clips_as_they_are(demo, tmp_path, monkeypatch):
    copied = copytree(demo, tmp_path / "set")

    def render(out, plan, seed):  # files of other pairs, as rendering takes seconds
        for kind in ("genuine", "forged"):
            name = f"{plan.number % 10:03d}-{kind}.mp4"
            copy(demo / "clips" / name, out / "clips" / f"{plan.number:03d}-{kind}.mp4")
        return render_pair(out, plan, seed)

    monkeypatch.setattr(dataset, "render_pair", render)
    (copied / "demo.json").write_text('{"clips": 20, "seed": 3, "val_people": 2}')
    before = {path: file_sha256(path) for path in (copied / "clips").iterdir()}
    clips = generate_demo_set(copied, 20, seed=3, jobs=1, val_people=2)
    assert {path: file_sha256(path) for path in before} == before
    assert read_manifest(copied) == clips
    assert clips[:20] == tuple(
        replace(clip, path=copied / "clips" / clip.path.name) for clip in read_manifest(demo)
    )
    assert Counter(clip.identity for clip in clips[20:]) == {"person-40": 6, "person-41": 6}
    assert {clip.split for clip in clips[20:]} == {"val"}


@pytest.mark.parametrize("people", [-1, 1])
def test_a_further_person_without_a_donor_is_rejected(tmp_path, people):
    with pytest.raises(DataError, match=f"--val-people {people}"):
        generate_demo_set(tmp_path / "set", 20, seed=0, val_people=people)


@pytest.mark.parametrize("clips", [0, 7, 19, 18])
def test_odd_or_too_small_number_of_clips_is_rejected(tmp_path, clips):
    with pytest.raises(DataError, match="even number of at least 20"):
        generate_demo_set(tmp_path / "set", clips, seed=0)
