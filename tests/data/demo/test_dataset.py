from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from unmask.config import FaceSettings, SpeechSettings
from unmask.data.demo.dataset import generate_demo_set, plan_takes
from unmask.data.demo.speech_synthesis import draw_syllables, draw_voice, mouth_opening, speak
from unmask.data.manifest import read_manifest
from unmask.data.splits import find_leaks
from unmask.errors import DataError
from unmask.files import file_sha256
from unmask.preprocessing.faces.detection import get_landmarker
from unmask.preprocessing.media.decode import iter_sampled_frames, read_waveform
from unmask.preprocessing.speech.vad import detect_speech
from unmask.records import RATE_HZ, SPLITS

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo") / "set"
    generate_demo_set(out, 20, seed=3, jobs=2)
    return out


def test_the_default_plan_has_24_people_all_classes_in_each_split_and_no_leak():
    takes = plan_takes(120, 7)
    assert len({take.person for take in takes}) >= 24
    split_of = defaultdict(set)
    for take in takes:
        split_of[take.person].add(take.split)
        split_of[take.donor].add(take.split)
        assert take.person != take.donor
    assert all(len(splits) == 1 for splits in split_of.values())
    for split in SPLITS:
        kinds = Counter(
            (take.face_method is not None, take.voice_method is not None)
            for take in takes
            if take.split == split
        )
        assert set(kinds) == {(True, False), (False, True), (True, True)}
        assert max(kinds.values()) - min(kinds.values()) <= 1


def test_the_manifest_tells_what_is_on_disk(demo):
    clips = read_manifest(demo)
    assert len(clips) == 20
    assert sum(clip.is_fake for clip in clips) == 10
    assert all(clip.sha256 == file_sha256(clip.path) for clip in clips)
    assert all(3.0 <= clip.duration_s <= 4.2 and clip.fps == 25 for clip in clips)
    assert not find_leaks(clips)


def test_every_genuine_clip_has_a_forged_twin_of_the_same_footage(demo):
    pairs = defaultdict(list)
    for clip in read_manifest(demo):
        pairs[clip.pair_id].append(clip)
    for pair in pairs.values():
        assert sorted(clip.is_fake for clip in pair) == [False, True]
        assert len({clip.identity for clip in pair}) == 1


def test_a_face_and_speech_are_found_in_the_clips(demo):
    find = get_landmarker(FaceSettings()).detect
    seen = looked_at = 0
    for clip in read_manifest(demo):
        pictures = [picture for _, picture in iter_sampled_frames(clip.path, 5.0)]
        found = [find(picture) for picture in pictures]
        seen += sum(bool(people) for people in found)
        looked_at += len(found)
        widths = [np.ptp(people[0].landmarks_px[:, 0]) for people in found if people]
        assert np.median(widths) >= 120
        assert len(detect_speech(read_waveform(clip.path), SpeechSettings()))
    assert seen >= 0.95 * looked_at


def test_the_same_seed_makes_the_same_bytes_and_a_started_set_is_gone_on_with(demo, tmp_path):
    from shutil import copytree

    again = copytree(demo, tmp_path / "again")
    gone = sorted((again / "clips").iterdir())[:2]
    before = {path: file_sha256(path) for path in gone}
    for path in gone:
        path.unlink()
    generate_demo_set(again, 20, seed=3, jobs=1)
    assert {path: file_sha256(path) for path in gone} == before


def test_a_folder_with_something_else_is_left_alone(demo, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(DataError, match="not empty"):
        generate_demo_set(tmp_path, 20, seed=3)
    with pytest.raises(DataError, match="another demo set"):
        generate_demo_set(demo, 22, seed=3)


@pytest.mark.parametrize("clips", [0, 7, 19, 18])
def test_too_few_or_odd_clips_are_refused(tmp_path, clips):
    with pytest.raises(DataError, match="even number of at least 20"):
        generate_demo_set(tmp_path / "set", clips, seed=0)


def test_lips_and_loudness_agree_by_construction():
    rng = np.random.default_rng(4)
    syllables = draw_syllables(4.0, rng)
    sound = speak(draw_voice(rng), syllables, 4.0, rng)
    frame = RATE_HZ // 25
    loudness = np.sqrt((sound[: 100 * frame].reshape(100, frame) ** 2).mean(axis=1))
    mouth = mouth_opening(syllables, (np.arange(100) + 0.5) / 25)
    # vowels differ in loudness at the same opening: what must agree is when there is sound at all
    assert loudness[mouth > 0.2].mean() > 5 * loudness[mouth < 0.02].mean()
