"""Unlike footage: the report of a video that a detector does not judge."""

from unmask.serving.report.schema import Modalities, Report


def without_scores(report: Report) -> Report:
    """Return the report of a video that the detector does not judge, without any score."""
    return report.model_copy(
        update={
            "fake_probability": None,
            "confidence_interval": None,
            "dropout_range": None,
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
