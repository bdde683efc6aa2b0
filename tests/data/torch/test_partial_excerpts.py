import numpy as np
import pytest

from tests.factories import make_clip
from unmask.data.torch.partial_excerpts import (
    MomentLabels,
    draw_stretch,
    is_inside,
    label_moments,
    pad_labels,
    same_moments,
    splice,
    splice_sound,
    with_stretch,
)
from unmask.records import RATE_HZ, FakeSpan, ModelInput

TIMES_S = np.arange(6) / 5 + 1.0  # 1.0 to 2.0 s


def make_input(value):
    return ModelInput(
        faces=np.full((6, 2, 2, 3), value, np.uint8),
        flow=np.full((6, 2, 2, 2), value, np.int8),
        waveform=np.full(RATE_HZ, value / 10, np.float32),
        is_speech=np.ones(RATE_HZ, np.bool_),
        landmarks=np.full((6, 68, 2), value, np.float32),
        pose_deg=np.full((6, 3), value, np.float32),
    )


def test_a_stretch_holds_some_frames_but_not_all(rng):
    counts = [is_inside(TIMES_S, draw_stretch(TIMES_S, (1.0, 3.0), rng)).sum() for _ in range(200)]
    assert set(counts) == {1, 2, 3, 4, 5}


def test_stretches_begin_and_end_anywhere(rng):
    masks = [is_inside(TIMES_S, draw_stretch(TIMES_S, (1.0, 3.0), rng)) for _ in range(300)]
    shares = np.mean(masks, axis=0)
    assert (shares > 0.2).all()
    assert (shares < 0.8).all()


def test_without_frames_a_stretch_lies_in_the_sound(rng):
    for _ in range(50):
        start_s, end_s = draw_stretch(np.zeros(0), (1.0, 3.0), rng)
        assert 1 <= start_s < end_s <= 3
        assert 0.3 <= end_s - start_s <= 1.7


def test_frames_and_sound_of_the_stretch_are_the_fakes_and_all_else_is_the_twins():
    mask = np.array([False, False, True, True, False, False])
    mixed = splice(make_input(9), make_input(4), mask, (0.3, 0.7))
    expected = np.where(mask, 9, 4)
    for rows in (mixed.faces, mixed.flow, mixed.landmarks, mixed.pose_deg):
        np.testing.assert_array_equal(
            rows.reshape(6, -1).T, np.broadcast_to(expected, (rows[0].size, 6))
        )
    at = (np.array([0.28, 0.3, 0.32, 0.68, 0.7, 0.72]) * RATE_HZ).astype(int)
    np.testing.assert_allclose(mixed.waveform[at], [0.4, 0.65, 0.9, 0.9, 0.65, 0.4], atol=1e-6)


def test_a_shorter_twin_is_silent_at_its_end():
    mixed = splice_sound(np.ones(1600, np.float32), np.full(800, 0.5, np.float32), (0.0, 0.02))
    assert (len(mixed), mixed[-1], mixed[700]) == (1600, 0.0, 0.5)


def test_only_forged_modalities_get_a_segment():
    clip = make_clip(fake_audio=True)
    assert with_stretch(clip, (1.0, 2.0)).fake_periods == (FakeSpan(1.0, 2.0, "audio"),)


def test_labels_are_those_of_the_clip_without_segments():
    labels = label_moments(make_clip(fake_video=True), TIMES_S, (1.0, 1.1))
    assert labels.frames.tolist() == [1] * 6
    assert labels.steps.tolist() == [0] * 5
    unknown = label_moments(make_clip(is_fake=True, fake_video=None), TIMES_S, (1.0, 1.1))
    assert np.isnan(unknown.frames).all()


def test_moments_near_a_border_have_no_label():
    spans = (FakeSpan(1.35, 1.65, "video"), FakeSpan(1.5, 9.0, "audio"))
    clip = make_clip(fake_video=True, fake_audio=True, fake_periods=spans)
    labels = label_moments(clip, TIMES_S, (1.0, 2.0))
    np.testing.assert_array_equal(labels.frames, [0, 0, np.nan, np.nan, 0, 0])
    assert np.flatnonzero(np.isnan(labels.steps)).tolist() == list(range(20, 30))
    assert (np.nanmax(labels.steps[:20]), np.nanmin(labels.steps[30:])) == (0, 1)


def test_frames_right_beside_a_spliced_border_keep_their_labels(rng):
    for _ in range(100):
        stretch_s = draw_stretch(TIMES_S, (1.0, 3.0), rng)
        clip = with_stretch(make_clip(fake_video=True), stretch_s)
        labels = label_moments(clip, TIMES_S, (1.0, 3.0))
        np.testing.assert_array_equal(labels.frames, is_inside(TIMES_S, stretch_s))


@pytest.mark.parametrize(("factor", "expected"), [(2.0, [0, 0, 1, 1]), (0.5, [0]), (None, [0, 1])])
def test_labels_follow_a_time_stretch(factor, expected):
    labels = MomentLabels(np.zeros(1, np.float32), np.array([0, 1], np.float32))
    assert labels.time_stretched(factor).steps.tolist() == expected


def test_labels_are_padded_with_unknown():
    rows = pad_labels([np.ones(2, np.float32), None, np.zeros(5, np.float32)], 3)
    np.testing.assert_array_equal(rows, [[1, 1, np.nan], [np.nan] * 3, [0, 0, 0]])


def test_moments_are_the_same_if_all_times_are():
    assert same_moments(TIMES_S, TIMES_S + 1e-4)
    assert not same_moments(TIMES_S, TIMES_S + 0.01)
    assert not same_moments(TIMES_S, TIMES_S[:-1])
