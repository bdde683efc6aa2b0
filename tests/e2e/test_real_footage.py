"""Real footage, if ``../shared/clips`` exists: preprocessing, and verdicts of the champion.

A few genuine clips are judged; ``UNMASK_REAL_CLIPS=0`` judges all of them.
"""

import os
from pathlib import Path

import pytest

from unmask.config import PreprocessingSettings
from unmask.preprocessing.media.suffixes import list_media
from unmask.preprocessing.prepare import frames_with_face, prepare_clip
from unmask.serving.analyzer import Analyzer

ROOT = Path(__file__).parents[2]
CLIPS = ROOT.parent / "shared/clips"
CHAMPION = Path(os.environ.get("UNMASK_BUNDLE") or ROOT / "outputs/champion")
GENUINE = int(os.environ.get("UNMASK_REAL_CLIPS", "6"))
SETTINGS = PreprocessingSettings()
NAMES = ("real/grid_lbax4n.mpg", "real/mead_W036.mp4", "real/pcavs_00086.mp4",
          "fake/dfdc_yhffcuhhjy.mp4", "fake/loopy_realistic_5.mp4")  # fmt: skip
# sampled frames in which hands that put on glasses cover a face that leans back
COVERED = {"fake/dfdc_yhffcuhhjy.mp4": 5}

pytestmark = [
    pytest.mark.clips,
    pytest.mark.skipif(not CLIPS.exists(), reason="no real footage in ../shared/clips"),
]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_face_is_found_in_every_frame_that_shows_it_and_speech_in_every_clip(name):
    clip = prepare_clip(CLIPS / name, SETTINGS)
    assert frames_with_face(clip.people) >= clip.frames_sampled - COVERED.get(name, 0)
    assert len(clip.people) == 1
    assert (clip.speech_spans_s[:, 1] - clip.speech_spans_s[:, 0]).sum() > 0.3 * clip.end_s


def test_head_pose_and_motion_of_a_talk_are_plausible():
    (person,) = prepare_clip(CLIPS / "real/pcavs_00086.mp4", SETTINGS).people
    assert abs(person.track.pose_deg).max() < 60
    assert person.flow.any(axis=(1, 2, 3))[1:].mean() > 0.9


def genuine_clips():
    """Genuine clips of all folders; the same ones, spread evenly, unless all are wanted."""
    paths = [path for folder in CLIPS.parent.glob("clips*") for path in list_media(folder / "real")]
    paths.sort(key=lambda path: path.name)
    return paths[:: max(len(paths) // GENUINE, 1)][:GENUINE] if GENUINE else paths


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.skipif(not CHAMPION.exists(), reason="no champion; run `make train`")
def test_no_genuine_clip_is_called_fake():
    analyzer = Analyzer.load(CHAMPION)
    verdicts = {path.name: analyzer.analyze(path).verdict for path in genuine_clips()}
    print(verdicts)
    assert len(verdicts) >= (GENUINE or 41)
    assert {name for name, verdict in verdicts.items() if verdict == "fake"} == set()
