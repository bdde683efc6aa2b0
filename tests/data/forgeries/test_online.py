from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unmask.config import AugmentationSettings, ModelSettings, TrainingSettings
from unmask.data.forgeries.faces import REGIONS, sample_training_blend_params, self_blend
from unmask.data.forgeries.online import (
    DESYNC,
    TWIN,
    OnlineForger,
    expand_training_clips,
    make_forged_row,
)
from unmask.data.torch.evaluation_set import collate_examples
from unmask.data.torch.training_set import PairBatchSampler, TrainingSet
from unmask.errors import DataError
from unmask.preprocessing.faces.optical_flow import face_flow
from unmask.preprocessing.prepare import to_model_inputs
from unmask.records import Clip, ClipFeatures, FaceTrack, MediaInfo, PersonFeatures, Waveform

RATE_HZ = 16_000
EVEN = AugmentationSettings(mirror=0.0, light=0.0)


def a_clip(name, **changes):
    clip = Clip(
        clip_id=name,
        path=Path(f"/nowhere/{name}.mp4"),
        sha256=f"{sum(name.encode()):064x}",
        source="toy",
        identity=name,
        split="train",
        is_fake=False,
        fake_video=False,
        fake_audio=False,
        manipulation="none",
        pair_id=f"take-{name.removesuffix('-fake')}",
        duration_s=1.0,
        fps=5.0,
        width=224,
        height=224,
        has_audio=True,
        licence="",
    )
    return replace(clip, **changes)


def a_fake(name):
    return a_clip(f"{name}-fake", is_fake=True, fake_video=True, manipulation="toy")


@pytest.fixture(scope="module")
def load(portrait):
    """Five frames of a portrait, its landmarks on a grid where the face is, and a hum."""
    face = np.ascontiguousarray(portrait[:224, 40:264])
    x, y = np.meshgrid(np.linspace(70, 150, 9), np.linspace(50, 150, 8))
    points = np.stack([x, y], axis=-1).reshape(-1, 2)[:68].astype(np.float32)
    outline = np.linspace(0, np.pi, 17)
    points[:17] = np.stack([110 - 60 * np.cos(outline), 90 + 80 * np.sin(outline)], axis=1)
    track = FaceTrack(
        0,
        np.arange(5) / 5,
        np.zeros((5, 4), np.float32),
        np.zeros((5, 68, 2), np.float32),
        np.zeros((5, 3), np.float32),
    )
    person = PersonFeatures(track, np.stack([face] * 5), None, np.stack([points] * 5))
    hum = np.sin(2 * np.pi * 150 * np.arange(RATE_HZ) / RATE_HZ) ** 3 * 0.3

    def read(clip):
        info = MediaInfo(clip.path, clip.sha256, 1, 1.0, 5.0, 224, 224, 0, "h264", "aac")
        sound = None if "mute" in clip.clip_id else Waveform(hum.astype(np.float32))
        people = () if "faceless" in clip.clip_id else (person,)
        speech = np.zeros((0, 2)) if "silent" in clip.clip_id else np.array([[0.0, 1.0]])
        return ClipFeatures(info, 0.0, 1.0, 5, people, sound, speech)

    return read


def pairs(clips, load, fakes="forged", seed=7):
    rows = expand_training_clips(clips, fakes)
    training = TrainingSettings(frames=3, audio_s=0.5, fakes=fakes)
    return rows, TrainingSet(rows, load, training, EVEN, seed)


def differences(data, rows, epoch):
    """The twin's example of the first pair, and in what it differs from the genuine clip's."""
    genuine, twin = data[epoch, 0], data[epoch, 1]
    (a,), (b,) = genuine.samples, twin.samples
    assert rows[1].manipulation == TWIN
    assert not genuine.clip.is_fake
    return (
        twin,
        not np.array_equal(a.faces, b.faces),
        not np.array_equal(a.waveform, b.waveform),
    )


def test_a_twin_differs_from_its_clip_in_what_its_labels_say_and_in_nothing_else(load):
    rows, data = pairs([a_clip("a")], load)
    found = [differences(data, rows, epoch) for epoch in range(25)]
    for twin, face, voice in found:
        clip = twin.clip
        assert (clip.fake_video, clip.fake_audio or twin.mismatched) == (face, voice)
        assert clip.is_fake != twin.mismatched
    assert {(face, voice) for _, face, voice in found} == {
        (True, True),
        (True, False),
        (False, True),
    }


def test_a_desynced_twin_has_the_same_sound_at_another_time(load):
    clip = a_clip("a")
    rows, data = pairs([clip], load)
    (sample,) = to_model_inputs(load(clip))
    drawn = [data.twins.sample_forgery(rows[1], sample, epoch) for epoch in range(200)]
    shifted = [one for one in drawn if one.shift_s is not None]
    assert len(shifted) / len(drawn) == pytest.approx(DESYNC, abs=0.08)
    assert {np.sign(one.shift_s) for one in shifted} == {-1, 1}
    for one in shifted[:10]:
        assert one.face is one.voice is None
        assert 0.2 <= abs(one.shift_s) <= 0.5  # of a sound of one second
        labelled = one.labelled(rows[1])
        assert one.mismatched
        assert (labelled.fake_video, labelled.fake_audio) == (False, False)
        made = data.twins.apply_voice(clip, sample, one)
        back = np.roll(made.waveform, -round(one.shift_s * RATE_HZ))
        assert np.mean(back == sample.waveform) > 0.97  # all but the seam
        assert np.array_equal(made.faces, sample.faces)


def test_labels_reach_the_targets_with_the_modality_that_was_forged(load):
    _, data = pairs([a_clip("a")], load)
    assert any(data[epoch, 1].mismatched for epoch in range(25))
    for epoch in range(25):
        examples = [data[epoch, 0], data[epoch, 1]]
        targets = collate_examples(examples, ModelSettings()).targets
        clip = examples[1].clip
        assert targets.fake_video.tolist() == [False, clip.fake_video]
        assert targets.fake_audio.tolist() == [False, clip.fake_audio]
        assert targets.mismatched.tolist() == [False, not clip.is_fake]
        assert targets.is_fake.tolist() == [False, True]


def test_the_same_seed_and_epoch_forge_the_same_twin_in_any_order(load):
    first = pairs([a_clip("a"), a_clip("b")], load)[1]
    again = pairs([a_clip("a"), a_clip("b")], load)[1]
    keys = [(epoch, index) for epoch in range(3) for index in range(4)]
    forward = {key: first[key].samples[0] for key in keys}
    for key in reversed(keys):
        (sample,) = again[key].samples
        assert np.array_equal(sample.faces, forward[key].faces)
        assert np.array_equal(sample.waveform, forward[key].waveform)
    other = pairs([a_clip("a"), a_clip("b")], load, seed=8)[1]
    assert any(not np.array_equal(other[key].samples[0].faces, forward[key].faces) for key in keys)


def test_a_twins_flow_is_that_of_its_own_faces(load):
    def moving(clip):
        features = load(clip)
        (person,) = features.people
        faces = np.stack([np.roll(face, 2 * n, axis=1) for n, face in enumerate(person.faces)])
        points = person.landmarks + 2 * np.arange(5, dtype=np.float32)[:, None, None] * [1, 0]
        flow = face_flow(faces, person.track.time_s)
        return replace(
            features,
            people=(replace(person, faces=faces, flow=flow, landmarks=points.astype(np.float32)),),
        )

    _, data = pairs([a_clip("mute")], moving)
    for epoch in range(3):
        genuine, twin = (data[epoch, index].samples[0] for index in (0, 1))
        time_s = np.arange(len(twin.faces)) / 5
        assert np.array_equal(twin.flow[1:], face_flow(twin.faces, time_s)[1:])
        assert not np.array_equal(twin.flow, genuine.flow)
        assert np.array_equal(twin.flow[0], genuine.flow[0])


@pytest.mark.parametrize(
    ("name", "video", "audio"),
    [("mute", True, False), ("faceless", False, True), ("silent", True, False)],
)
def test_only_what_is_there_is_forged(load, name, video, audio):
    _, data = pairs([a_clip(name)], load)
    for epoch in range(6):
        clip = data[epoch, 1].clip
        assert (clip.fake_video, clip.fake_audio) == (video, audio)


def test_a_clip_without_face_or_speech_has_no_twin_and_says_so(load):
    _, data = pairs([a_clip("faceless-silent")], load)
    assert data[0, 0].samples
    assert not data[0, 1].samples
    assert "neither a face nor speech" in data[0, 1].problem


def test_forged_uses_no_labelled_fake_and_sets_each_twin_beside_its_clip():
    clips = [c for name in "abcd" for c in (a_clip(name), a_fake(name))]
    rows = expand_training_clips(clips, "forged")
    assert [row.clip_id for row in rows[:4]] == ["a", "a~forged", "b", "b~forged"]
    assert {row.manipulation for row in rows} == {"none", TWIN}
    order = [index for batch in PairBatchSampler(rows, 4, seed=1) for _, index in batch]
    for first, second in zip(order[::2], order[1::2], strict=True):
        assert rows[second] == make_forged_row(rows[first])
    assert expand_training_clips(clips, "labelled") == tuple(clips)


def test_both_takes_a_twin_in_place_of_a_labelled_fake_about_every_other_time():
    clips = [c for name in "abcdefgh" for c in (a_clip(name), a_fake(name))]
    twins = OnlineForger(expand_training_clips(clips, "both"), "both", seed=3)
    chosen = [[twins.maybe_replace(clip, epoch) for clip in clips] for epoch in range(20)]
    for row in chosen:
        assert row[::2] == clips[::2]
        assert [clip.pair_id for clip in row] == [clip.pair_id for clip in clips]
    forged = [clip.manipulation == TWIN for row in chosen for clip in row[1::2]]
    assert np.mean(forged) == pytest.approx(0.5, abs=0.15)
    labelled = OnlineForger(clips, "labelled", seed=3)
    assert [labelled.maybe_replace(clip, 0) for clip in clips] == clips


def test_both_forges_genuine_clips_without_a_fake_beside_them():
    clips = [a_clip("a"), a_fake("a"), a_clip("b"), a_clip("c")]
    rows = expand_training_clips(clips, "both")
    assert rows == (*clips, make_forged_row(clips[2]), make_forged_row(clips[3]))
    twins = OnlineForger(rows, "both", seed=3)
    assert all(twins.maybe_replace(row, epoch) is row for row in rows[2:] for epoch in range(5))


def test_both_forges_every_genuine_clip_of_a_pair():
    first, second, fake = a_clip("a"), replace(a_clip("b"), pair_id="take-a"), a_fake("a")
    twins = OnlineForger((first, second, fake), "both", seed=3)
    chosen = {twins.maybe_replace(fake, epoch).path for epoch in range(40)}
    assert chosen == {first.path, second.path, fake.path}


def test_every_fake_of_a_clip_has_a_twin_of_its_own(load):
    clips = [a_clip("a"), *(replace(a_fake("a"), clip_id=f"fake-{n}") for n in range(4))]
    training = TrainingSettings(frames=3, audio_s=0.5, fakes="both")
    data = TrainingSet(expand_training_clips(clips, "both"), load, training, EVEN, 7)
    for epoch in range(10):
        made = [data[epoch, index] for index in range(1, 5)]
        twins = [one for one in made if one.clip.manipulation == TWIN]
        faces = {one.samples[0].faces.tobytes() for one in twins if one.clip.fake_video}
        assert len(faces) == sum(one.clip.fake_video for one in twins)


@pytest.mark.parametrize("fakes", ["forged", "both"])
def test_without_a_genuine_clip_there_is_nothing_to_forge(fakes):
    with pytest.raises(DataError, match="genuine"):
        expand_training_clips([a_fake("a")], fakes)


def test_looks_are_of_every_region_and_of_both_roles(load, rng):
    person = load(a_clip("a")).people[0]
    face, points = person.faces[0], person.landmarks[0].astype(float)
    looks = [sample_training_blend_params(120.0, rng) for _ in range(40)]
    assert {look.region for look in looks} == set(REGIONS)
    assert {look.outside for look in looks} == {True, False}
    for look in looks:
        made = self_blend(face, points, look, rng)
        assert (made.shape, made.dtype) == (face.shape, np.uint8)
        corner_changed = not np.array_equal(made[:8, :8], face[:8, :8])
        assert corner_changed == look.outside


def test_every_frame_of_a_run_is_forged_alike(load):
    """Equal frames differ after forging by the jitter alone, far less than from the genuine."""
    rows, data = pairs([a_clip("mute")], load)
    for epoch in range(5):
        genuine = data[epoch, 0].samples[0].faces.astype(int)
        forged = data[epoch, 1].samples[0].faces.astype(int)
        assert np.abs(forged - genuine).mean() > np.abs(forged - forged[:1]).mean()
    assert rows[1].clip_id == "mute~forged"
