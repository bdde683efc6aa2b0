"""A child process like the real one, whose detector does what the file tells it to do."""

import os
import signal
import sys
import time
from pathlib import Path

from bento.sandbox.child import ParentChannel, run_loop
from unmask.errors import MediaError
from unmask.serving.report.model_card import Model, ReportedGate
from unmask.serving.report.schema import (
    Box,
    Media,
    Modalities,
    Person,
    Quality,
    Report,
    ScorePoint,
    Segment,
    Timing,
    WaveformPeaks,
)

MODEL = "5" * 64
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63"
    "6460f8cf50000003860180f5a5b5d30000000049454e44ae426082"
)


GATES = (
    ReportedGate(
        name="auc", value=0.8622, limit=0.75, direction="at least", level="required", passed=True
    ),
    ReportedGate(
        name="champion_drop", value=None, limit=0.0, direction="at most", level="reported",
        passed=False,
    ),
)  # fmt: skip


def report(shown_as, probability=0.9):
    zeros = dict.fromkeys(Timing.model_fields, 0.0)
    return Report(
        verdict="fake" if probability > 0.7 else "real",
        fake_probability=probability,
        modalities=Modalities(video=probability, audio=None),
        people=(),
        segments=(),
        quality=Quality(
            frames_sampled=5, frames_with_face=5, people=1, face_width_px=120.0, sharpness=80.0,
            sound_s=1.0, speech_s=0.0,
        ),
        notes=(),
        media=Media(
            file=shown_as, sha256="0" * 64, size_bytes=1, duration_s=1.0, width=320, height=240,
            rotation_deg=0, fps=25.0, video_codec="h264", audio_codec=None,
        ),
        model=Model(
            sha256=MODEL, phase=1, profile="demo", frame_backbone="a", voice_backbone="b",
            temperature=1.0, real_below=0.3, fake_above=0.7, gates=GATES,
        ),
        timing_s=Timing(**{**zeros, "faces": 0.25, "total": 0.5}),
    )  # fmt: skip


def rich():
    """What a report of one person has to draw."""
    moments = [
        ScorePoint(time_s=n / 5, fake_probability=0.95 if 3 <= n <= 6 else 0.1) for n in range(10)
    ]
    boxes = [Box(time_s=n / 5, x=100.0 + n, y=60.0, width=80.0, height=100.0) for n in range(10)]
    person = Person(
        id=0, fake_probability=0.9, frames=10, timeline=tuple(moments), boxes=tuple(boxes)
    )
    stretch = Segment(modality="video", person=0, start_s=0.6, end_s=1.4, fake_probability=0.95)
    sound = WaveformPeaks(start_s=0.0, step_s=0.02, peaks=(0.1, 0.6, 0.3) * 33)
    return {"people": (person,), "segments": (stretch,), "envelope": sound}


def sleep(task, line, words):
    end = time.monotonic() + float(words[0])
    while time.monotonic() < end:
        line.say(progress=["faces", 40.0])
        time.sleep(0.05)


def crash(task, line, words):
    os.kill(os.getpid(), signal.SIGSEGV)


def spin(task, line, words):
    while True:
        pass


def hog(task, line, words):
    held = []
    while True:
        held.append(os.urandom(1 << 20) * 32)


def confuse(task, line, words):
    raise RuntimeError("a library is confused")


def refuse(task, line, words):
    raise MediaError(f"{task['shown_as']}: {' '.join(words)}")


ORDERS = {order.__name__: order for order in (sleep, crash, spin, hog, confuse, refuse)}


def work(task, line):
    text = Path(task["path"]).read_text()
    if "BEGUN" in os.environ:
        with Path(os.environ["BEGUN"]).open("a") as begun:
            begun.write(text + "\n")
    order, *words = text.split() or ["nothing"]
    if order in ORDERS:
        ORDERS[order](task, line, words)
    if task["pictures"]:
        (Path(task["folder"]) / "frame-1.png").write_bytes(PICTURE)
    told = report(task["shown_as"], 0.1 if order == "real" else 0.9)
    return told.model_copy(update=rich() if order == "rich" else {}).model_dump(mode="json")


if __name__ == "__main__":
    run_loop(ParentChannel(int(sys.argv[1])), MODEL, work)
