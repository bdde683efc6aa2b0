"""Preprocessing of real footage, if ``../shared/clips`` exists."""

from pathlib import Path

import pytest

from unmask.config import PreprocessingSettings
from unmask.preprocessing.prepare import frames_with_face, prepare_clip

CLIPS = Path(__file__).parents[3] / "shared/clips"
SETTINGS = PreprocessingSettings()
NAMES = ("real/grid_lbax4n.mpg", "real/mead_W036.mp4", "real/pcavs_00086.mp4",
          "fake/dfdc_yhffcuhhjy.mp4", "fake/loopy_realistic_5.mp4")  # fmt: skip

pytestmark = [
    pytest.mark.clips,
    pytest.mark.skipif(not CLIPS.exists(), reason="no real footage in ../shared/clips"),
]


@pytest.mark.slow
def test_a_face_is_found_in_nearly_every_frame_and_speech_in_every_clip():
    clips = [prepare_clip(CLIPS / name, SETTINGS) for name in NAMES]
    with_face = sum(frames_with_face(clip.people) for clip in clips)
    assert with_face >= 0.97 * sum(clip.frames_sampled for clip in clips)
    for clip in clips:
        assert len(clip.people) == 1
        assert (clip.speech_spans_s[:, 1] - clip.speech_spans_s[:, 0]).sum() > 0.3 * clip.end_s


def test_head_pose_and_motion_of_a_talk_are_plausible():
    (person,) = prepare_clip(CLIPS / "real/pcavs_00086.mp4", SETTINGS).people
    assert abs(person.track.pose_deg).max() < 60
    assert person.flow.any(axis=(1, 2, 3))[1:].mean() > 0.9
