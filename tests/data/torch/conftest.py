import numpy as np
import pytest

from unmask.errors import MediaError
from unmask.records import (
    RATE_HZ,
    ClipFeatures,
    FaceTrack,
    MediaInfo,
    PersonFeatures,
    Waveform,
)

FRAMES, FPS = 20, 5


@pytest.fixture(scope="session")
def load():
    """Feature loader of toy clips: 20 frames, 4 s of sound with speech from 1 s to 2 s.

    Frame ``t`` has grey level ``10 * t``; an audio sample's value is a tenth of its time in
    seconds. A ``clip_id`` with ``broken``, ``faceless`` or ``mute`` is a clip of that kind.
    """
    track = FaceTrack(
        0,
        np.arange(FRAMES) / FPS,
        np.zeros((FRAMES, 4), np.float32),
        np.zeros((FRAMES, 68, 2), np.float32),
        np.zeros((FRAMES, 3), np.float32),
    )
    grey = (np.arange(FRAMES) * 10).astype(np.uint8)[:, None, None, None]
    faces = np.broadcast_to(grey, (FRAMES, 224, 224, 3))
    flow = np.zeros((FRAMES, 2, 224, 224), np.int8)
    person = PersonFeatures(track, faces, flow, np.zeros((FRAMES, 68, 2), np.float32))
    samples = (np.arange(4 * RATE_HZ) / RATE_HZ / 10).astype(np.float32)

    def read(clip):
        if clip.clip_id == "broken":
            raise MediaError("broken.mp4: cannot be decoded")
        info = MediaInfo(clip.path, clip.sha256, 1, 4.0, 25.0, 640, 480, 0, "h264", "aac")
        people = () if "faceless" in clip.clip_id else (person,)
        waveform = None if "mute" in clip.clip_id else Waveform(samples)
        return ClipFeatures(info, 0.0, 4.0, FRAMES, people, waveform, np.array([[1.0, 2.0]]))

    return read
