from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from unmask.data.validation.shortcut_audit import (
    Shortcut,
    audit_shortcuts,
    nuisance_features,
    rank_auc,
)
from unmask.errors import MediaError, SingleClassError
from unmask.records import Clip

RATE_HZ = 16_000


def clip(path, number=0, is_fake=False, **changes):
    base = Clip(
        clip_id=f"c{number}",
        path=path,
        sha256=f"{number:064x}",
        source="test",
        identity=f"p{number // 2}",
        split="train",
        is_fake=is_fake,
        fake_video=is_fake,
        fake_audio=False,
        manipulation="swap" if is_fake else "none",
        pair_id=f"p{number // 2}",
        duration_s=0.4,
        fps=25.0,
        width=64,
        height=48,
        has_audio=True,
        licence="",
    )
    return replace(base, **changes)


@pytest.fixture
def still(tmp_path):
    """Writes a film without loss: one grey picture throughout, and the samples given."""
    av = pytest.importorskip("av")

    def write(name, picture, samples=None):
        with av.open(str(tmp_path / name), "w") as out:
            video = out.add_stream("ffv1", rate=10)
            video.width, video.height, video.pix_fmt = picture.shape[1], picture.shape[0], "gray"
            sound = out.add_stream("pcm_s16le", rate=RATE_HZ, layout="mono")
            for _ in range(4):
                out.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="gray")))
            out.mux(video.encode(None))
            if samples is not None:
                level = np.round(samples * 32767).astype(np.int16)[None]
                block = av.AudioFrame.from_ndarray(level, "s16", "mono")
                block.sample_rate, block.pts = RATE_HZ, 0
                out.mux([*sound.encode(block), *sound.encode(None)])
        return tmp_path / name

    return write


def test_sound_is_measured_in_decibels_of_full_scale(still):
    time = np.arange(RATE_HZ) / RATE_HZ
    tone = np.where(time >= 0.25, 0.5 * np.sin(2 * np.pi * 400 * time), 0.0)
    found = nuisance_features(
        clip(still("a.mkv", np.full((48, 64), 80, np.uint8), tone), duration_s=1.0)
    )
    assert found["peak_db"] == pytest.approx(-6.02, abs=0.1)
    # a sine of amplitude 0.5 has a mean square of 1/8, here for three quarters of the time
    assert found["loudness_db"] == pytest.approx(10 * np.log10(0.75 / 8), abs=0.1)
    assert found["leading_silence_s"] == pytest.approx(0.25, abs=0.011)


def test_pictures_are_measured_whole(still):
    flat = still("flat.mkv", np.full((48, 64), 80, np.uint8), np.zeros(RATE_HZ))
    rows, columns = np.indices((48, 64))
    board = np.where((rows + columns) % 2, 100, 60).astype(np.uint8)
    sharp = still("sharp.mkv", board, np.zeros(RATE_HZ))
    plain, edged = nuisance_features(clip(flat)), nuisance_features(clip(sharp))
    assert plain["brightness"] == pytest.approx(edged["brightness"], abs=1)
    assert plain["brightness"] == pytest.approx(80, abs=1)
    assert plain["sharpness"] == pytest.approx(0, abs=1e-6)
    # every pixel is 40 away from each of four neighbours: the Laplacian is ±160
    assert edged["sharpness"] == pytest.approx(160**2, rel=0.05)


def test_size_and_bitrate_come_from_the_file(film, tmp_path):
    file = film(tmp_path / "a.mp4", size=(64, 48), seconds=0.4)
    found = nuisance_features(clip(file))
    assert found["size_bytes"] == len(file.read_bytes())
    assert found["bitrate"] == pytest.approx(8 * len(file.read_bytes()) / 0.4)
    assert (found["duration_s"], found["pixels"], found["fps"]) == (0.4, 64 * 48, 25.0)


def test_a_clip_without_sound_has_no_loudness(film, tmp_path):
    file = film(tmp_path / "a.mp4", size=(64, 48), seconds=0.4, sound=False)
    found = nuisance_features(clip(file, has_audio=False))
    assert np.isnan([found["loudness_db"], found["peak_db"], found["leading_silence_s"]]).all()
    assert np.isfinite(found["brightness"])


@pytest.mark.parametrize("seed", range(5))
def test_the_auc_agrees_with_scikit_learn_on_tied_values(seed):
    rng = np.random.default_rng(seed)
    values, is_fake = rng.integers(0, 5, 60).astype(float), rng.random(60) < 0.4
    assert rank_auc(values, is_fake) == pytest.approx(roc_auc_score(is_fake, values))


@pytest.fixture(scope="module")
def two_films(film, tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    return [film(folder / f"{n}.mp4", size=(64, 48), seconds=0.4, face=n == 1) for n in (0, 1)]


def test_a_planted_shortcut_is_found_and_what_never_varies_is_left_out(two_films):
    rng = np.random.default_rng(0)
    clips = [
        clip(two_films[0], number, number % 2 == 1, duration_s=0.4 + 0.1 * (number % 2))
        for number in range(20)
    ]
    table = {row.name: row for row in audit_shortcuts(clips, resamples=100)}
    assert set(table) == {"duration_s", "bitrate"}
    assert (table["duration_s"].auc, table["duration_s"].low) == (1.0, 1.0)
    assert table["bitrate"].auc == 0.0  # as telling as 1, and so beside it
    clips = [replace(row, duration_s=float(rng.random() + 1)) for row in clips]
    harmless = {row.name: row for row in audit_shortcuts(clips, resamples=100)}["duration_s"]
    assert harmless.low < 0.5 < harmless.high


def test_the_most_telling_nuisance_comes_first_and_seeds_repeat(two_films):
    clips = [clip(two_films[n % 3 == 0], n, n % 2 == 1, fps=25.0 + n % 2) for n in range(18)]
    table = audit_shortcuts(clips, seed=4, resamples=50)
    assert table[0].name == "fps"
    assert table == audit_shortcuts(clips, seed=4, resamples=50)
    assert {"brightness", "sharpness", "size_bytes", "bitrate"} < {row.name for row in table}


def test_one_person_has_no_interval(two_films):
    clips = [clip(two_films[0], n, n == 1, identity="ann", fps=25.0 + n) for n in (0, 1)]
    (row,) = audit_shortcuts(clips)
    assert row == Shortcut("fps", 1.0, None, None, 2)
    assert row.interval == "one identity"


def test_one_class_alone_has_no_shortcuts(two_films):
    with pytest.raises(SingleClassError, match="need both"):
        audit_shortcuts([clip(two_films[0])])


def test_a_missing_file_is_an_error_of_ours(tmp_path):
    clips = [clip(tmp_path / "absent.mp4", n, n == 1) for n in (0, 1)]
    with pytest.raises(MediaError, match=r"absent\.mp4"):
        audit_shortcuts(clips)
