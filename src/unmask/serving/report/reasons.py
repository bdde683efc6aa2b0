"""Reasons of an inconclusive verdict, in words for people to read."""

from unmask.records import Reason

REASON_TEXTS: dict[Reason, str] = {
    "nothing_to_score": "Neither a face nor speech was found, so there is nothing to score.",
    "demo_model": "The detector is the small demonstration model, and this footage is unlike the "
    "clips that it was calibrated on. Its scores would mean nothing here, so none are given.",
    "too_little_evidence": "Less than a second of a face or of speech could be scored.",
    "still_picture": "The picture does not move, so there is no talking face to judge.",
    "telephone_band": "The sound has the bandwidth of a telephone, in which traces of a synthetic "
    "voice are lost.",
    "experimental": "The detector is experimental: it shows its scores and gives no verdict.",
    "segment_alarm": "The video as a whole scores low, but a segment of it is flagged.",
    "between_thresholds": "The score lies between the two thresholds, where a verdict would be "
    "wrong too often.",
}
