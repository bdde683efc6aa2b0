"""Reasons of an inconclusive verdict: a code for programs, and words for people to read."""

from collections.abc import Iterable

from pydantic import Field

from unmask.records import Reason
from unmask.serving.report.base import ReportModel

REASON_TEXTS: dict[Reason, str] = {
    "nothing_to_score": "Neither a face nor speech was found, so there is nothing to score.",
    "demo_model": "The detector is the small demonstration model, and this footage is unlike the "
    "clips that it was calibrated on. Its scores would mean nothing here, so none are given.",
    "too_little_evidence": "Less than a second of a face or of speech could be scored.",
    "still_picture": "The picture does not move, so there is no talking face to judge.",
    "telephone_band": "The sound has the bandwidth of a telephone, in which traces of a synthetic "
    "voice are lost.",
    "experimental": "The detector is experimental: it shows its scores and gives no verdict.",
    "unlike_calibration": "The footage is unlike the calibration clips in size, frame rate, faces "
    "or sound, so the error rates of a verdict are unknown.",
    "segment_alarm": "The video as a whole scores low, but a segment of it is flagged.",
    "between_thresholds": "The score lies between the two thresholds, where a verdict would be "
    "wrong too often.",
}


class ReportedReason(ReportModel):
    """One reason of an inconclusive verdict."""

    code: Reason = Field(description="Code of the reason.")
    message: str = Field(description="The reason in words.")


def describe_reasons(reasons: Iterable[Reason]) -> tuple[ReportedReason, ...]:
    """Return the reasons with their words, in the given order."""
    return tuple(ReportedReason(code=code, message=REASON_TEXTS[code]) for code in reasons)
