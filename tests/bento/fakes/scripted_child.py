"""A child process like `bento.sandbox.child` that does what the uploaded text file says.

The first word is a command of `COMMANDS` or a variant of the report, the rest are its arguments.
If ``PYTHON_CHILD_LOG`` is set, the text of every started task is appended to that file.
"""

import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from bento.sandbox.child import ParentChannel, run_loop
from bento.sandbox.protocol import Progress
from unmask.errors import MediaError
from unmask.files import file_sha256
from unmask.serving.custody.canonical_json import canonical_sha256
from unmask.serving.report.attack_flag import AttackSigns, ReportedAttackFlag
from unmask.serving.report.coverage import Coverage
from unmask.serving.report.custody import Custody
from unmask.serving.report.model_card import Model, ReportedGate, ReportedGuarantee
from unmask.serving.report.provenance import (
    ContentCredentials,
    CredentialAction,
    FileTraces,
    Ingredient,
    Provenance,
    ValidationFailure,
)
from unmask.serving.report.quality import Quality, QualityEffect
from unmask.serving.report.reasons import describe_reasons
from unmask.serving.report.schema import (
    Box,
    Evidence,
    Media,
    Modalities,
    Person,
    Report,
    ScorePoint,
    Segment,
    Timing,
    WaveformPeaks,
)
from unmask.serving.report.speaking import (
    SITUATION_TEXTS,
    PersonSpeaking,
    Situation,
    Speaking,
    SpeakingSpan,
    describe_person,
)

STARTED_AT = datetime(2026, 11, 30, 10, tzinfo=UTC)
MODEL_SHA256 = "5" * 64
IMAGE_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63"
    "6460f8cf50000003860180f5a5b5d30000000049454e44ae426082"
)
GATES = (
    ReportedGate(
        name="auc", value=0.8622, limit=0.75, direction="at least", level="required", passed=True
    ),
    ReportedGate(
        name="champion_drop", value=None, limit=0.0, direction="at most", level="reported",
        passed=True,  # as promotion counts a gate without a baseline
    ),
)  # fmt: skip


def make_report(shown_as, probability=0.9):
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
            sha256=MODEL_SHA256, phase=1, profile="demo", frame_backbone="a", voice_backbone="b",
            temperature=1.0, real_below=0.3, fake_above=0.7, gates=GATES,
        ),
        timing_s=Timing(**{**zeros, "faces": 0.25, "total": 0.5}),
    )  # fmt: skip


def rich_fields():
    """Fields of a report with one person, a flagged segment and a waveform."""
    timeline = [
        ScorePoint(time_s=n / 5, fake_probability=0.95 if 3 <= n <= 6 else 0.1) for n in range(10)
    ]
    boxes = [Box(time_s=n / 5, x=100.0 + n, y=60.0, width=80.0, height=100.0) for n in range(10)]
    person = Person(
        id=0, fake_probability=0.9, frames=10, timeline=tuple(timeline), boxes=tuple(boxes)
    )
    segment = Segment(modality="video", person=0, start_s=0.6, end_s=1.4, fake_probability=0.95)
    waveform = WaveformPeaks(start_s=0.0, step_s=0.02, peaks=(0.1, 0.6, 0.3) * 33)
    fields = {"people": (person,), "segments": (segment,), "envelope": waveform}
    return fields | {"speaking": voice_over()}


def material_fields():
    """Fields of a report with the material's effects and the detector's coverage."""
    report = make_report("a.mp4")
    message = "Compression leaves 0.010 bits per pixel (h264). Of 42 genuine test clips like this"
    effect = QualityEffect(fact="compression", condition="h264:43", message=message)
    coverage = Coverage(
        tested=(),
        untested=("lip-sync",),
        untested_generators={"lip-sync": ("Wav2Lip",)},
        messages=("Never tested on fakes of the families lip-sync.",),
    )
    rates = {"threshold": 0.2, "validation_clips": 144, "clips": 84, "false_alarms": 0}
    attack = AttackSigns(
        is_flagged=True,
        roughness=0.3,
        rates=ReportedAttackFlag(**rates, attacks=()),
        message="The faces are rougher than genuine and fake ones.",
    )
    return {
        "attack": attack,
        "quality": report.quality.model_copy(update={"effects": (effect,)}),
        "model": report.model.model_copy(update={"coverage": coverage}),
    }


def voice_over():
    """Return who speaks where a narrator is heard over a person who listens."""
    listener = {"person": 0, "code": "listens", "speaks_s": 0.0, "listens_s": 1.8}
    message = describe_person(0, "listens", 0.0, "not_trained")
    return Speaking(
        situations=(Situation(code="voice_over", message=SITUATION_TEXTS["voice_over"]),),
        people=(PersonSpeaking(**listener, message=message),),
        spans=(SpeakingSpan(code="unseen_voice", person=None, start_s=0.0, end_s=1.8),),
    )


def evidence_fields():
    """Fields of a report with a heat map that is shown, and one that is not."""
    shown = {"person": 0, "fake_probability": 0.9, "kind": "heat_map", "time_s": 0.6}
    effects = {"faithfulness": 0.9, "random_drop": 0.2, "insertion": 0.8, "random_insertion": 0.1}
    tested = {**shown, **effects, "p_value": 0.05, "is_supported": True}
    failed = {**tested, "faithfulness": 0.1, "p_value": 0.6, "is_supported": False}
    return rich_fields() | {
        "evidence": (
            Evidence(**tested, description="Regions that raise the score.", file="frame-1.png"),
            Evidence(**failed, description="No region is highlighted.", original="frame-2.png"),
        )
    }


def unlike_fields():
    """Fields of a report on footage that the demonstration model does not judge."""
    unscored = {"fake_probability": None, "modalities": Modalities(video=None, audio=None)}
    reasons = describe_reasons(["demo_model", "still_picture"])
    return {"verdict": "inconclusive", "reason": "demo_model", "reasons": reasons, **unscored}


def calibrated_fields():
    """Fields of a report whose detector was calibrated on 24 clips of each class."""
    report = make_report("")
    promise = ReportedGuarantee(fpr=0.1, fnr=0.1, real_clips=24, fake_clips=24, people=8)
    return {"model": report.model.model_copy(update={"promise": promise})}


PROBABILITIES = {"real": 0.1, "calibrated": 0.9999}


def provenance_fields():
    """Fields of a report on a file with Content Credentials."""
    ingredient = Ingredient(
        title="camera.mp4",
        relationship="parentOf",
        has_credentials=False,
        thumbnail="frame-1.png",
    )
    credentials = ContentCredentials(
        status="present",
        validation="valid",
        signer="Test Signer",
        organization="Test Newsroom",
        generator="Test Editor 1.2",
        failures=(ValidationFailure(code="signingCredential.untrusted", message="untrusted"),),
        actions=(CredentialAction(action="c2pa.edited", software="Test Editor"),),
        ingredients=(ingredient,),
    )
    traces = FileTraces(container="mov,mp4", encoder="Lavf62", device="Apple iPhone 15")
    messages = ("The file's Content Credentials are intact, and signed by Test Signer.",)
    return {"provenance": Provenance(credentials=credentials, traces=traces, messages=messages)}


VARIANTS = {
    "material": material_fields,
    "provenance": provenance_fields,
    "rich": rich_fields,
    "unlike": unlike_fields,
    "calibrated": calibrated_fields,
    "evidence": evidence_fields,
}


def sleep(task, channel, arguments):
    """Report progress for so many seconds."""
    end_s = time.monotonic() + float(arguments[0])
    while time.monotonic() < end_s:
        channel.send(Progress(stage="faces", percent=40.0))
        time.sleep(0.05)


def wait_for(task, channel, arguments):
    """Report progress until a file exists."""
    while not Path(arguments[0]).exists():
        channel.send(Progress(stage="faces", percent=40.0))
        time.sleep(0.05)


def crash(task, channel, arguments):
    os.kill(os.getpid(), signal.SIGSEGV)


def busy_loop(task, channel, arguments):
    while True:
        pass


def allocate(task, channel, arguments):
    """Allocate memory until the limit is reached."""
    blocks = []
    while True:
        blocks.append(os.urandom(1 << 20) * 32)


def raise_error(task, channel, arguments):
    raise RuntimeError("an unexpected error of a library")


def refuse(task, channel, arguments):
    raise MediaError(f"{task.shown_as}: {' '.join(arguments)}")


COMMANDS = {
    command.__name__: command
    for command in (sleep, wait_for, crash, busy_loop, allocate, raise_error, refuse)
}


def analyze(task, channel):
    text = task.path.read_text()
    if "PYTHON_CHILD_LOG" in os.environ:
        with Path(os.environ["PYTHON_CHILD_LOG"]).open("a") as log:
            log.write(text + "\n")
    command, *arguments = text.split() or ["nothing"]
    if command in COMMANDS:
        COMMANDS[command](task, channel, arguments)
    if task.save_evidence:
        (task.work_dir / "frame-1.png").write_bytes(IMAGE_PNG)
        if command == "evidence":
            (task.work_dir / "frame-2.png").write_bytes(IMAGE_PNG)
    report = make_report(task.shown_as, PROBABILITIES.get(command, 0.9))
    sha256 = "f" * 64 if command == "other_file" else file_sha256(task.path)
    media = report.media.model_copy(update={"sha256": sha256})
    common = {"media": media, "custody": make_custody()}
    return report.model_copy(update=common | VARIANTS.get(command, dict)())


def make_custody():
    return Custody(
        started_at=STARTED_AT,
        finished_at=STARTED_AT,
        start_s=0.0,
        end_s=None,
        settings={},
        settings_sha256=canonical_sha256({}),
        bundle_files={"bundle.json": MODEL_SHA256},
        versions={"unmask": "0"},
    )


if __name__ == "__main__":
    run_loop(ParentChannel(int(sys.argv[1])), MODEL_SHA256, analyze, prepare=lambda task: None)
