"""What a row of a table says of a report."""

from typing import Any

from unmask.serving.report.schema import Report


def report_columns(report: Report) -> dict[str, Any]:
    """Return the columns of :class:`unmask.serving.bulk.row.Row` that a report fills."""
    return {
        "sha256": report.media.sha256,
        "size_bytes": report.media.size_bytes,
        "duration_s": report.media.duration_s,
        "verdict": report.verdict,
        "fake_probability": report.fake_probability,
        "video_probability": report.modalities.video,
        "audio_probability": report.modalities.audio,
        "lip_sync_probability": report.modalities.lip_sync,
        "reasons": tuple(reason.code for reason in report.reasons),
    }
