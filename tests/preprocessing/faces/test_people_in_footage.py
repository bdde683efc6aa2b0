"""People in clips of several shots, made of genuine clips of ``../shared/clips``."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from unmask.config import FlowSettings, PreprocessingSettings
from unmask.preprocessing.faces.face_embedding import has_embedder
from unmask.preprocessing.media.frames import iter_frames
from unmask.preprocessing.prepare import prepare_clip

cv2 = pytest.importorskip("cv2")
SHARED = Path(__file__).parents[4] / "shared/clips/real"
NAMES = ("mead_W036.mp4", "pcavs_00086.mp4", "grid_lbax4n.mpg", "pcavs_00473.mp4")
SETTINGS = PreprocessingSettings(flow=FlowSettings(enabled=False))

pytestmark = [
    pytest.mark.clips,
    pytest.mark.skipif(not SHARED.exists(), reason="no real footage in ../shared/clips"),
    pytest.mark.skipif(not has_embedder(), reason="run: unmask weights get sface"),
]


def shot(name, start, zoom):
    """Return 25 frames of a clip, of which a part is enlarged to 480 px."""
    images = []
    for _, frame in islice(iter_frames(SHARED / name), start, start + 25):
        image = frame.frame.to_ndarray(format="rgb24")
        margins = [round(side * (1 - zoom) / 2) for side in image.shape[:2]]
        part = image[margins[0] : len(image) - margins[0], margins[1] :]
        part = part[:, : part.shape[1] - margins[1]]
        images.append(cv2.resize(np.ascontiguousarray(part), (480, 480)))
    return images


def people_in(write_frames, path, shots):
    images = [image for part in shots for image in part]
    return prepare_clip(write_frames(path, images), SETTINGS).people


@pytest.mark.slow
def test_person_is_one_in_shots_of_several_sizes(write_frames, tmp_path):
    shots = [shot(NAMES[1], 25 * n, zoom) for n, zoom in enumerate((1.0, 0.7, 0.9, 0.75))]
    (person,) = people_in(write_frames, tmp_path / "a.mkv", shots)
    assert len(person.faces) == 20


@pytest.mark.slow
def test_people_are_as_many_as_are_seen_in_turn(write_frames, tmp_path):
    shots = [shot(name, start, 1.0) for start in (0, 30) for name in NAMES]
    people = people_in(write_frames, tmp_path / "a.mkv", shots)
    assert len(people) == len(NAMES)
    for person in people:
        assert person.track.time_s == pytest.approx(
            np.concatenate([person.track.person + np.arange(5) / 5 + n for n in (0, 4)])
        )
