from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.factories import make_clip
from unmask.data.validation.shortcut_audit import (
    Shortcut,
    audit_shortcuts,
    nuisance_features,
)
from unmask.errors import DataError, SingleClassError
from unmask.evaluation.intervals import Estimate
from unmask.records import RATE_HZ


def clip(path, number=0, is_fake=False, **changes):
    values = {
        "clip_id": f"c{number}",
        "path": path,
        "sha256": f"{number:064x}",
        "identity": f"p{number // 2}",
        "pair_id": f"p{number // 2}",
        "split": "train",
        "fake_video": is_fake,
        "manipulation": "swap" if is_fake else "none",
        "duration_s": 0.4,
        "width": 64,
        "height": 48,
    }
    return make_clip(**values | changes)


@pytest.fixture
def write_lossless(tmp_path):
    """Write a losslessly coded file: one grey image in all frames, and the given samples."""
    av = pytest.importorskip("av")

    def write(name, image, samples=None):
        with av.open(str(tmp_path / name), "w") as out:
            video = out.add_stream("ffv1", rate=10)
            video.width, video.height, video.pix_fmt = image.shape[1], image.shape[0], "gray"
            sound = out.add_stream("pcm_s16le", rate=RATE_HZ, layout="mono")
            for _ in range(4):
                out.mux(video.encode(av.VideoFrame.from_ndarray(image, format="gray")))
            out.mux(video.encode(None))
            if samples is not None:
                level = np.round(samples * 32767).astype(np.int16)[None]
                block = av.AudioFrame.from_ndarray(level, "s16", "mono")
                block.sample_rate, block.pts = RATE_HZ, 0
                out.mux([*sound.encode(block), *sound.encode(None)])
        return tmp_path / name

    return write


def test_loudness_and_peak_are_in_decibels_of_full_scale(write_lossless):
    time = np.arange(RATE_HZ) / RATE_HZ
    tone = np.where(time >= 0.25, 0.5 * np.sin(2 * np.pi * 400 * time), 0.0)
    features = nuisance_features(
        clip(write_lossless("a.mkv", np.full((48, 64), 80, np.uint8), tone), duration_s=1.0)
    )
    assert features["peak_db"] == pytest.approx(-6.02, abs=0.1)
    # a sine of amplitude 0.5 has a mean square of 1/8, here for three quarters of the time
    assert features["loudness_db"] == pytest.approx(10 * np.log10(0.75 / 8), abs=0.1)
    assert features["leading_silence_s"] == pytest.approx(0.25, abs=0.011)


def test_brightness_and_sharpness_are_those_of_the_frame(write_lossless):
    flat = write_lossless("flat.mkv", np.full((48, 64), 80, np.uint8), np.zeros(RATE_HZ))
    rows, columns = np.indices((48, 64))
    board = np.where((rows + columns) % 2, 100, 60).astype(np.uint8)
    sharp = write_lossless("sharp.mkv", board, np.zeros(RATE_HZ))
    smooth, edges = nuisance_features(clip(flat)), nuisance_features(clip(sharp))
    assert smooth["brightness"] == pytest.approx(edges["brightness"], abs=1)
    assert smooth["brightness"] == pytest.approx(80, abs=1)
    assert smooth["sharpness"] == pytest.approx(0, abs=1e-6)
    # every pixel differs by 40 from its four neighbours: the Laplacian is ±160
    assert edges["sharpness"] == pytest.approx(160**2, rel=0.05)


def test_size_and_bit_rate_come_from_the_file(make_video, tmp_path):
    file = make_video(tmp_path / "a.mp4", size=(64, 48), seconds=0.4)
    features = nuisance_features(clip(file))
    assert features["size_bytes"] == len(file.read_bytes())
    assert features["bitrate"] == pytest.approx(8 * len(file.read_bytes()) / 0.4)
    assert (features["duration_s"], features["pixels"], features["fps"]) == (0.4, 64 * 48, 25.0)


def test_clip_without_sound_has_no_loudness(make_video, tmp_path):
    file = make_video(tmp_path / "a.mp4", size=(64, 48), seconds=0.4, audio=False)
    features = nuisance_features(clip(file, has_audio=False))
    assert np.isnan(
        [features["loudness_db"], features["peak_db"], features["leading_silence_s"]]
    ).all()
    assert np.isfinite(features["brightness"])


@pytest.fixture(scope="module")
def two_files(make_video, tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    return [
        make_video(folder / f"{n}.mp4", size=(64, 48), seconds=0.4, face=n == 1) for n in (0, 1)
    ]


def test_planted_shortcut_is_found_and_constant_features_are_left_out(two_files):
    rng = np.random.default_rng(0)
    clips = [
        clip(two_files[0], number, number % 2 == 1, duration_s=0.4 + 0.1 * (number % 2))
        for number in range(20)
    ]
    table = {row.name: row for row in audit_shortcuts(clips, resamples=100)}
    assert set(table) == {"duration_s", "bitrate"}
    assert table["duration_s"].auc == Estimate(1.0, 1.0, 1.0)
    assert table["bitrate"].auc.value == 0.0  # reveals the label as much as 1
    clips = [replace(row, duration_s=float(rng.random() + 1)) for row in clips]
    harmless = {row.name: row for row in audit_shortcuts(clips, resamples=100)}["duration_s"]
    assert harmless.auc.low < 0.5 < harmless.auc.high
    expected = roc_auc_score([row.is_fake for row in clips], [row.duration_s for row in clips])
    assert harmless.auc.value == pytest.approx(expected)


def test_strongest_shortcut_comes_first_and_a_seed_repeats(two_files):
    clips = [clip(two_files[n % 3 == 0], n, n % 2 == 1, fps=25.0 + n % 2) for n in range(18)]
    table = audit_shortcuts(clips, seed=4, resamples=50)
    assert table[0].name == "fps"
    assert table == audit_shortcuts(clips, seed=4, resamples=50)
    assert {"brightness", "sharpness", "size_bytes", "bitrate"} < {row.name for row in table}


def test_single_identity_has_no_interval(two_files):
    clips = [clip(two_files[0], n, n == 1, identity="ann", fps=25.0 + n) for n in (0, 1)]
    (row,) = audit_shortcuts(clips)
    assert row == Shortcut("fps", Estimate(1.0, None, None), 2)


def test_single_class_is_rejected(two_files):
    with pytest.raises(SingleClassError, match="needs both"):
        audit_shortcuts([clip(two_files[0])])


def test_clip_that_cannot_be_measured_is_logged_and_left_out(two_files, tmp_path, caplog):
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(b"not a video")
    clips = [clip(two_files[n % 2], n, n % 2 == 1, fps=25.0 + n % 2) for n in range(10)]
    table = audit_shortcuts([*clips, clip(damaged, 10)], jobs=1, resamples=10)
    assert {row.clips for row in table} == {10}
    assert "clip c10 was not measured" in caplog.text
    assert "damaged.mp4" in caplog.text


def test_audit_that_loses_a_split_is_refused(tmp_path):
    clips = [clip(tmp_path / "absent.mp4", n, n == 1) for n in (0, 1)]
    with pytest.raises(DataError, match=r"split train is empty.*absent\.mp4"):
        audit_shortcuts(clips, jobs=1)
