import json
import logging
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest

from tests.factories import make_clip
from unmask.data.forgeries.methods import FACE_METHODS, VOICE_METHODS, VOICE_SWAP
from unmask.data.forgeries.offline import ForgeryJob, generate_forgeries, load_footage
from unmask.errors import DataError, MediaError
from unmask.files import file_sha256
from unmask.preprocessing.media.probe import probe


@pytest.fixture(scope="module")
def genuine(make_video, tmp_path_factory):
    """Seven genuine clips of seven people, all of one split; the last one has no sound."""
    folder = tmp_path_factory.mktemp("genuine")
    clips = []
    for number in range(7):
        has_audio = number < 6
        path = make_video(folder / f"{number}.mp4", seconds=0.5 + 0.04 * number, audio=has_audio)
        clips.append(
            make_clip(
                clip_id=f"c{number}",
                path=path,
                sha256=probe(path).sha256,
                identity=f"p{number}",
                pair_id=f"take{number}",
                has_audio=has_audio,
                split="train",
            )
        )
    return clips


@pytest.fixture(scope="module")
def forged(genuine, tmp_path_factory):
    out = tmp_path_factory.mktemp("forged")
    return out, generate_forgeries(genuine, out, seed=3, jobs=1)


def test_methods_alternate_and_each_fake_has_a_re_encoded_control(genuine, forged):
    _, clips = forged
    controls, fakes = clips[::2], clips[1::2]
    assert [clip.manipulation for clip in fakes] == [*FACE_METHODS, *VOICE_METHODS, "face-swap"]
    for source, control, fake in zip(genuine, controls, fakes, strict=True):
        assert (control.clip_id, control.manipulation) == (f"{source.clip_id}~twin", "none")
        assert fake.fake_video == (fake.manipulation in FACE_METHODS)
        assert fake.mismatched == (fake.manipulation == VOICE_SWAP)
        assert fake.fake_audio == (fake.manipulation in VOICE_METHODS and not fake.mismatched)
        for clip in (control, fake):
            shared = (clip.identity, clip.pair_id, clip.split)
            assert shared == (source.identity, source.pair_id, source.split)
            assert clip.own_forgery
            assert clip.sha256 == file_sha256(clip.path)
        control_info, fake_info = probe(control.path), probe(fake.path)
        for name in ("width", "height", "fps", "duration_s", "video_codec", "audio_codec"):
            assert getattr(control_info, name) == getattr(fake_info, name)


def test_fake_differs_from_its_control_only_in_the_forged_modality(forged):
    for control, fake in zip(forged[1][::2], forged[1][1::2], strict=True):
        before, after = (load_footage(clip.path, faces=False) for clip in (control, fake))
        difference = np.abs(np.stack(before.frames).astype(int) - np.stack(after.frames)).mean()
        if fake.fake_video:
            assert difference > 0
        else:  # x264 may encode equal frames differently from run to run, but alike
            assert difference < 2
        if before.samples is not None:
            changed = not np.array_equal(before.samples, after.samples)
            assert changed == (fake.fake_audio or fake.mismatched)


def test_existing_files_are_kept_and_missing_ones_are_written_again(genuine, forged):
    out, clips = forged
    kept, missing = clips[1].path, clips[3].path
    modified_ns = kept.stat().st_mtime_ns
    missing.unlink()
    resumed = generate_forgeries(genuine, out, seed=3, jobs=1)
    assert kept.stat().st_mtime_ns == modified_ns
    assert missing.is_file()
    # the bytes of an x264 encoding may differ from run to run
    assert [replace(clip, sha256="") for clip in resumed] == [
        replace(clip, sha256="") for clip in clips
    ]


def test_key_depends_on_every_input():
    clip, donor = make_clip(sha256="1" * 64), make_clip(sha256="2" * 64)
    job = ForgeryJob(clip, donor, "face-swap", 0)
    inputs = json.dumps(["1" * 64, "2" * 64, "face-swap", 0, 6.0, 720])
    assert job.key == sha256(inputs.encode()).hexdigest()[:16]
    others = [{"clip": donor}, {"donor": clip}, {"method": "self-blend"}, {"seed": 1}]
    assert len({job.key, *(replace(job, **change).key for change in others)}) == 5


def test_clip_without_donor_or_readable_file_is_logged_and_left_out(genuine, tmp_path, caplog):
    lonely = replace(genuine[0], split="val")
    broken = replace(genuine[1], path=tmp_path / "absent.mp4")
    with caplog.at_level(logging.WARNING):
        assert generate_forgeries([lonely], tmp_path, seed=0, jobs=1) == ()
        assert generate_forgeries([genuine[0], broken], tmp_path, seed=0, jobs=1) == ()
    assert "c0: not forged: no other person in split val" in caplog.text
    assert "c1: not forged: " in caplog.text


def test_data_without_genuine_clips_is_rejected(genuine, tmp_path):
    fake = replace(genuine[0], is_fake=True, fake_video=True)
    with pytest.raises(DataError, match="none of 1 clips is genuine"):
        generate_forgeries([fake], tmp_path, seed=0)


def test_footage_is_limited_in_length_and_size(make_video, tmp_path):
    path = make_video(tmp_path / "large.mp4", size=(1602, 902), seconds=0.4)
    footage = load_footage(path, seconds=0.2, faces=False)
    assert [frame.shape for frame in footage.frames] == [(720, 1278, 3)] * 5
    assert len(footage.samples) == 3200
    assert not footage.has_face.any()


def test_footage_of_a_file_without_video_is_rejected(make_video, tmp_path):
    path = make_video(tmp_path / "sound.mp4", times=[])
    with pytest.raises(MediaError, match=r"sound\.mp4"):
        load_footage(path)
