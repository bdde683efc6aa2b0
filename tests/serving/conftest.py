"""Fields of a phase 1 report on a file without a face or speech."""

import pytest

STAGES = ("decode", "faces", "align", "flow", "speech", "frame_model", "voice_model")


@pytest.fixture
def report_fields():
    return {
        "verdict": "inconclusive",
        "fake_probability": None,
        "modalities": {"video": None, "audio": None},
        "people": [],
        "segments": [],
        "quality": {
            "frames_sampled": 0,
            "frames_with_face": 0,
            "people": 0,
            "face_width_px": None,
            "sharpness": None,
            "sound_s": 0,
            "speech_s": 0,
        },
        "notes": ["Nothing to score."],
        "media": {
            "file": "a b ü.mp4",
            "sha256": "0" * 64,
            "size_bytes": 1,
            "duration_s": 1,
            "width": 0,
            "height": 0,
            "rotation_deg": 0,
            "fps": 0,
            "video_codec": None,
            "audio_codec": "aac",
        },
        "model": {
            "sha256": "0" * 64,
            "phase": 1,
            "profile": "demo",
            "frame_backbone": "x",
            "voice_backbone": "y",
            "temperature": 1,
            "real_below": 0.4,
            "fake_above": 0.6,
        },
        "timing_s": dict.fromkeys((*STAGES, "rest", "total"), 0),
    }
