"""Clips of two people: the one seen most is genuine, the other one's face is forged in the fake."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from tests.factories import make_clip
from unmask.config import AugmentationSettings, TrainingSettings
from unmask.data.forgeries.online import make_forged_row
from unmask.data.torch.labelled_person import LabelledPersonLoader, find_changed_person
from unmask.data.torch.training_set import TrainingSet
from unmask.errors import MediaError
from unmask.records import ClipFeatures, FaceTrack, MediaInfo, PersonFeatures

FRAMES = 6
GENUINE, FORGED, ALONE = "a" * 64, "b" * 64, "c" * 64
LEFT, RIGHT = (10, 10, 90, 90), (200, 30, 260, 90)  # boxes
SKIN = {LEFT: 60, RIGHT: 120}  # grey level of each person


def make_person(number, box, level, start=0):
    count = FRAMES - start
    points = np.zeros((count, 68, 2), np.float32)
    boxes = np.tile(np.float32(box), (count, 1))
    pose = np.zeros((count, 3), np.float32)
    track = FaceTrack(number, np.arange(start, FRAMES) / 5, boxes, points, pose)
    noise = np.random.default_rng(number).integers(0, 4, (count, 224, 224, 3))
    return PersonFeatures(track, (level + noise).astype(np.uint8), None, points)


def make_features(*people):
    info = MediaInfo("a.mp4", GENUINE, 1, 1.2, 5.0, 320, 240, 0, "h264", "aac")
    return ClipFeatures(info, 0.0, 1.2, FRAMES, people, None, np.zeros((0, 2)))


@pytest.fixture
def clips():
    pair = {"pair_id": "footage", "identity": "ann", "split": "train"}
    return (
        make_clip(clip_id="genuine", sha256=GENUINE, **pair),
        make_clip(clip_id="forged", sha256=FORGED, fake_video=True, manipulation="swap", **pair),
    )


def load(clip, condition=""):
    """Load two people; in a re-encoded copy, the other one is seen most."""
    if clip.clip_id == "broken":
        raise MediaError("cannot be decoded")
    right = SKIN[RIGHT] + 80 * (clip.sha256 != GENUINE)
    people = [make_person(0, LEFT, SKIN[LEFT] + 3), make_person(1, RIGHT, right, start=1)]
    return make_features(*(reversed(people) if condition else people))


def first_box(features):
    return tuple(features.people[0].track.boxes_px[0].astype(int).tolist())


def test_the_person_whose_face_differs_from_the_originals_comes_first_in_both(clips):
    loader = LabelledPersonLoader(load, clips)
    for clip in clips:
        features = loader(clip)
        assert first_box(features) == RIGHT
        assert [person.track.person for person in features.people] == [1, 0]
        assert first_box(load(clip)) == LEFT


def test_the_same_person_comes_first_in_copies_and_pseudo_fakes(clips):
    loader = LabelledPersonLoader(load, clips)
    for clip in (*clips, make_forged_row(clips[0])):
        assert first_box(loader(clip, "h264:28")) == first_box(loader(clip)) == RIGHT


@pytest.mark.parametrize(
    "change",
    [
        {"fake_video": False, "fake_audio": True},  # every face is genuine
        {"pair_id": "other footage"},
        {"split": "val"},  # the original is of another split
    ],
)
def test_without_a_forged_face_or_its_original_the_order_stays(clips, change):
    genuine, forged = clips[0], replace(clips[1], **change)
    loader = LabelledPersonLoader(load, [genuine, forged])
    assert [first_box(loader(clip)) for clip in (genuine, forged)] == [LEFT, LEFT]


def test_a_face_whose_label_is_unknown_is_compared_as_well(clips):
    unknown = replace(clips[1], fake_video=None, fake_audio=None)
    assert first_box(LabelledPersonLoader(load, [clips[0], unknown])(unknown)) == RIGHT


def test_fakes_without_an_original_are_told_once(clips, caplog):
    alone = [replace(clips[1], sha256=sha, pair_id=sha) for sha in (FORGED, ALONE)]
    loader = LabelledPersonLoader(load, alone)
    assert [first_box(loader(clip)) for clip in alone] == [LEFT, LEFT]
    assert caplog.text.count("no genuine clip of its footage tells which face is forged") == 1


def test_an_original_that_cannot_be_read_leaves_the_order(clips):
    broken = replace(clips[0], clip_id="broken")
    assert first_box(LabelledPersonLoader(load, [broken, clips[1]])(clips[1])) == LEFT


def test_people_who_are_seen_in_one_clip_alone_are_not_compared():
    elsewhere = make_person(0, (400, 10, 480, 90), 200)
    both = make_person(1, RIGHT, 100)
    genuine = make_features(make_person(0, LEFT, 60), make_person(1, RIGHT, 90))
    track, original = find_changed_person(make_features(elsewhere, both), genuine)
    assert track is both.track
    assert original is genuine.people[1].track
    assert find_changed_person(make_features(elsewhere), genuine) is None
    assert find_changed_person(make_features(), genuine) is None


def test_a_loader_can_be_sent_to_another_process(clips):
    loader = pickle.loads(pickle.dumps(LabelledPersonLoader(load, clips)))
    assert first_box(loader(clips[1])) == RIGHT


def test_training_takes_the_forged_face_and_its_original(clips):
    loader = LabelledPersonLoader(load, clips)
    training = TrainingSettings(frames=3)
    examples = TrainingSet(clips, loader, training, AugmentationSettings(light=0, mirror=0), seed=7)
    genuine, forged = (examples[0, index].samples[0].faces for index in range(2))
    assert genuine.mean() == pytest.approx(SKIN[RIGHT] + 1.5, abs=0.1)
    assert forged.mean() == pytest.approx(SKIN[RIGHT] + 81.5, abs=0.1)
