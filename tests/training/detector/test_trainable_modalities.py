import pytest

from tests.factories import make_clip
from unmask.config import Settings, TrainingSettings
from unmask.errors import TrainingError
from unmask.training.detector.trainable_modalities import (
    untrainable_modalities,
    without_modalities,
)

BOTH = ("video", "audio")


def train_clips(*parts, **changes):
    return [
        make_clip(clip_id=str(number), split="train", fake_video=video, fake_audio=audio, **changes)
        for number, (video, audio) in enumerate(parts)
    ]


def untrained(clips, **training):
    return untrainable_modalities(clips, TrainingSettings(**training), BOTH)


def test_clips_with_both_classes_of_face_and_voice_teach_both():
    assert untrained(train_clips((False, False), (True, True))) == {}


def test_silent_clips_teach_no_voice():
    clips = train_clips((False, False), (True, False), has_audio=False)
    assert untrained(clips) == {"audio": "none of 2 training clips has sound"}


def test_genuine_voices_alone_teach_no_voice():
    clips = train_clips((False, False), (True, False))
    assert untrained(clips) == {"audio": "none of 2 training clips with sound has a forged voice"}


def test_sound_alone_teaches_no_face():
    clips = train_clips((False, False), (False, True), width=0)
    assert untrained(clips) == {"video": "none of 2 training clips has a picture"}


@pytest.mark.parametrize(
    "fake",
    [
        make_clip(split="train", fake_video=None, fake_audio=None),
        make_clip(split="train", mismatched=True),
    ],
    ids=["unknown", "mismatched"],
)
def test_a_fake_whose_forged_part_is_not_named_teaches_both(fake):
    assert untrained([*train_clips((False, False)), fake]) == {}


@pytest.mark.parametrize("source", ["forged", "both"])
def test_voices_that_training_forges_itself_are_fakes(source):
    assert untrained(train_clips((False, False), (True, False)), fake_source=source) == {}


def test_genuine_faces_teach_nothing_where_voices_alone_are_forged():
    parts = {"fake_source": "both", "forged_parts": ("voice",)}
    assert untrained(train_clips((False, False)), **parts).keys() == {"video"}


def test_clips_of_other_splits_teach_nothing():
    clips = train_clips((False, False), (True, False), has_audio=False)
    clips.append(make_clip(clip_id="test", fake_audio=True))
    assert "audio" in untrained(clips)


def test_clips_that_teach_nothing_are_refused():
    with pytest.raises(TrainingError, match=r"nothing to train on: none of 2.*forged face.*add"):
        untrained(train_clips((False, False), (False, False)))


def test_a_detector_of_sound_alone_has_neither_flow_nor_face_heads():
    settings = Settings().replace(model=Settings().model.replace(flow=True, auxiliary=True))
    model = without_modalities(settings, {"video"}).model
    assert (model.modalities, model.flow, model.auxiliary) == (("audio",), False, False)
    assert without_modalities(settings, {"audio"}).model.flow
    assert without_modalities(settings, ()) is settings
