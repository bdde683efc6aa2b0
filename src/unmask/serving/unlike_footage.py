"""Unlike footage: the report of a video that a detector does not judge, or judges with a caveat."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from unmask.models.bundle import Bundle
from unmask.serving.report.schema import Modalities, Report

Floats = NDArray[np.float64]


def without_scores(report: Report) -> Report:
    """Return the report of a video that the detector does not judge, without any score."""
    return report.model_copy(
        update={
            "fake_probability": None,
            "confidence_interval": None,
            "uncertainty_score": None,
            "repeated_mean": None,
            "repeated_variance": None,
            "modalities": Modalities(video=None, audio=None, lip_sync=None),
            "members": (),
            "members_spread": None,
            "people": (),
            "audio_timeline": (),
            "segments": (),
            "evidence": (),
        }
    )


def describe_unlike_footage(bundle: Bundle, footage: Floats) -> Iterator[str]:
    """Yield a note where a detector judges footage unlike its calibration clips."""
    domain = bundle.domain
    if domain is not None and bundle.judges(footage) and not domain.contains(footage):
        yield (
            f"The footage is unlike the {domain.clips} calibration clips in size, frame rate, "
            "faces or sound, so the stated error rates may not hold."
        )
