"""Report notes: caveats on a verdict, one sentence each."""

import math
from collections.abc import Iterator, Mapping

from unmask.models.calibration.conformal import describe_unreachable_verdicts
from unmask.models.calibration.platt import ConformalGuarantee
from unmask.models.footage_obstacles import STILL_SHARE
from unmask.models.scoring_bundle import DEMO_PROFILE, LIP_SYNC
from unmask.records import MediaInfo
from unmask.serving.report.model_card import Model, ReportedGuarantee
from unmask.serving.report.quality import Quality
from unmask.serving.time_notes import time_notes

MIN_FRAMES_WITH_FACE = 5  # a face in fewer frames is little evidence
MIN_FACE_PX = 112  # half the resolution of the aligned face
MIN_FACE_SHARE = 0.5  # of the sampled frames
MIN_TILT_DEG = 1.0
MIN_MISSING_AUDIO_S = 0.1  # encoders leave shorter holes at the start
NOT_COMPARED = (
    "The faces of different shots were not compared, so one person may count as several: the "
    "network for it is missing; fetch it with: unmask weights get sface"
)
NOT_DRAWN = (
    "No evidence was drawn: heat maps take the networks themselves, and this installation runs "
    "their graphs alone"
)


def build_notes(
    quality: Quality,
    info: MediaInfo,
    model: Model,
    guarantee: ConformalGuarantee,
    decoded_end_s: float,
    part_s: tuple[float, float] = (0.0, math.inf),
) -> Iterator[str]:
    """Yield every caveat that applies to a video.

    Args:
        guarantee: Guarantee of the calibration in effect; without clips it adds no note.
        decoded_end_s: End of what could be decoded.
        part_s: Start and end of what was to be analyzed.
    """
    if model.profile == DEMO_PROFILE:
        yield (
            "The detector is the small demonstration model; "
            "it judges footage like its calibration clips alone."
        )
    yield from time_notes(quality, info, decoded_end_s, part_s)
    if guarantee.reals:
        yield from _guarantee_notes(guarantee, model.promise)
    yield from _picture_notes(quality, info)
    yield from _face_notes(quality, info)
    yield from _sound_notes(quality, info)


def describe_untrained(untrained: Mapping[str, str], info: MediaInfo) -> Iterator[str]:
    """Yield what the detector does not judge in a video because it was trained without it.

    Args:
        untrained: See :attr:`unmask.models.bundle.Bundle.untrained`.
    """
    present = {
        "video": ("The faces were not scored", info.has_video),
        "audio": ("The voice was not scored", info.has_audio),
        LIP_SYNC: ("Lips and sound were not compared", info.has_video and info.has_audio),
    }
    for component, reason in untrained.items():
        sentence, is_present = present[component]
        if is_present:
            yield f"{sentence}: the detector was trained without it ({reason})."


def _guarantee_notes(
    guarantee: ConformalGuarantee, promise: ReportedGuarantee | None
) -> Iterator[str]:
    people = f" of {guarantee.people} people" if guarantee.people else ""
    drawn = "clips of new people, drawn" if guarantee.real_people else "clips drawn"
    limits = "" if promise is None else f" {promise.describe_limits()}"
    yield (
        f"Calibrated on {guarantee.reals} genuine and {guarantee.fakes} fake clips{people}: among "
        f"{drawn} in the same way, on average at most {guarantee.fpr:.1%} of genuine clips are "
        f"called fake and {guarantee.fnr:.1%} of fakes are called real. This does not hold for "
        f"other kinds of footage.{limits}"
    )
    yield from describe_unreachable_verdicts(guarantee)


def _picture_notes(quality: Quality, info: MediaInfo) -> Iterator[str]:
    if info.video_tracks > 1:
        yield (
            f"The file has {info.video_tracks} video tracks; stream {info.video_index} was "
            "analyzed, the others were not looked at."
        )
    if quality.still_share is not None and quality.still_share >= STILL_SHARE:
        yield (
            f"The picture stands still in {quality.still_share:.0%} of the sampled frames, as a "
            "photograph or a frozen picture does; its faces say nothing about how somebody moves."
        )
    if info.hdr is not None:
        yield (
            f"The video is HDR ({info.hdr.upper()}) and was tone-mapped to standard range; fine "
            "traces of forgery may be lost."
        )
    if abs(info.tilt_deg) >= MIN_TILT_DEG:
        yield (
            f"The file asks players to turn the picture by {info.tilt_deg:+.0f}° more than the "
            f"{info.rotation_deg}° that were applied; faces were analyzed tilted."
        )


def _face_notes(quality: Quality, info: MediaInfo) -> Iterator[str]:
    if not info.has_video:
        yield "The file has no video stream; only the sound was analyzed."
    elif not quality.frames_with_face:
        yield f"No face was found in the {quality.frames_sampled} sampled frames."
    elif quality.frames_with_face < MIN_FRAMES_WITH_FACE:
        yield (
            f"A face is visible in only {quality.frames_with_face} frame(s), which is little "
            "evidence."
        )
    elif quality.frames_with_face < MIN_FACE_SHARE * quality.frames_sampled:
        share = quality.frames_with_face / quality.frames_sampled
        yield f"A face is visible in only {share:.0%} of the sampled frames."
    if quality.face_width_px is not None and quality.face_width_px < MIN_FACE_PX:
        yield (
            f"The faces are {quality.face_width_px:.0f} px wide on average, smaller than in the "
            "training data; fine traces of forgery may be lost."
        )


def _sound_notes(quality: Quality, info: MediaInfo) -> Iterator[str]:
    if not info.has_audio:
        yield "The file has no audio stream; only the faces were analyzed."
    elif not quality.speech_s:
        yield "No speech was detected, so the voice was not scored."
    if quality.missing_audio_s >= MIN_MISSING_AUDIO_S:
        yield (
            f"{quality.missing_audio_s:.1f} s of the sound are missing in the recording; "
            "they count as silence."
        )
