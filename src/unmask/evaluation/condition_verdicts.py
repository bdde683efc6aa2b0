"""Verdicts on test clips that were degraded, with the facts by which a file is like them."""

from collections.abc import Mapping
from dataclasses import dataclass

from unmask.evaluation.measured_verdicts import MeasuredVerdicts

ORIGINAL = "original"


@dataclass(frozen=True, slots=True)
class ConditionVerdicts:
    """Verdicts on the test clips under one condition.

    Attributes:
        condition: ``original``, or as in :mod:`unmask.config.codec_conditions`.
        video_codec: FFmpeg's name, of most clips; ``None`` without video.
        facts: Median over the clips of each fact that could be told, such as ``bits_per_pixel``.
        verdicts: Of the clips that could be scored.
        lost: Clips that could not.
    """

    condition: str
    video_codec: str | None
    facts: Mapping[str, float]
    verdicts: MeasuredVerdicts
    lost: int = 0
