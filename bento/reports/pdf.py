"""The PDF report: everything that a reader without the JSON report needs."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from io import BytesIO
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Image, Paragraph, SimpleDocTemplate, Spacer
from reportlab.platypus.tables import Table, TableStyle

from bento.db.models import Job
from bento.reports.custody_rows import custody_rows
from bento.reports.provenance_rows import ingredient_captions, provenance_rows
from unmask import __version__
from unmask.serving.report.resolution import format_probability, format_range
from unmask.serving.report.schema import Report

MARGIN = 20 * mm
FRAME_PADDING = 6  # points, of ReportLab on each side of the text
WIDTH = A4[0] - 2 * (MARGIN + FRAME_PADDING)
LABEL_WIDTH = 35 * mm  # leaves a SHA-256 on one line
IMAGES_PER_ROW = 2
IMAGE_SIZE = WIDTH / IMAGES_PER_ROW - 4 * mm
MAX_SEGMENTS = 40
STYLES = getSampleStyleSheet()
STYLES["Heading3"].keepWithNext = 1
GRID = TableStyle(
    [
        ("GRID", (0, 0), (-1, -1), 0.25, colors.grey),
        ("BACKGROUND", (0, 0), (0, -1), colors.whitesmoke),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]
)
IMAGE_ROWS = TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (0, -1), 0)])
VERDICTS = {
    "fake": "The video matches known forgery patterns.",
    "real": "The video does not match known forgery patterns.",
    "inconclusive": "The detector cannot decide.",
}
INTERPRETATION = (
    "The fake probability measures similarity to the forgeries on which the detector was trained "
    "and calibrated, between 0 and 1; higher is more fake. It is not the probability that a court "
    "or an editor needs, which also depends on how common forgeries are where this video comes "
    "from: it is stated for the prevalence below. It says nothing about a person's intent and is "
    "not a judgement on a person.",
    "The verdict is “fake” above and “real” below the thresholds stated here, which were set on "
    "videos that were not used for training; between them it is “inconclusive”. So it is where "
    "a flagged segment contradicts a low score, and where the video offers too little to judge.",
    "Limitations: unknown types of forgery, strong compression, small or hidden faces and audio "
    "without speech make detection less reliable. A genuine video that was edited or processed "
    "can score high. Nobody should be accused on the basis of this report alone.",
)
NOT_MEASURED = "not stored with this detector"
PROMOTION = (
    "A detector is packaged only after it has passed every required gate (accuracy, calibration, "
    "robustness, no regression against its predecessor). A detector that no training pipeline "
    "promoted has passed none. The training run stores the figures under the detector's SHA-256."
)


def report_pdf(job: Job, report: Report, images: Sequence[tuple[str, bytes]]) -> bytes:
    """Render the report of one job.

    Args:
        images: Name and PNG content of each evidence image.

    Returns:
        The PDF file.
    """
    target = BytesIO()
    document = SimpleDocTemplate(
        target,
        pagesize=A4,
        title=f"unmask report {job.id}",
        author=f"unmask {__version__}",
        **dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), MARGIN),
    )
    document.build(list(_build_story(job, report, images)))
    return target.getvalue()


def _build_story(
    job: Job, report: Report, images: Sequence[tuple[str, bytes]]
) -> Iterator[Flowable]:
    yield _paragraph("unmask: deepfake analysis report", "Title")
    yield _paragraph(f"{report.verdict.upper()}. {VERDICTS[report.verdict]}", "Heading2")
    yield from (_paragraph(message) for message in report.reason_messages)
    if report.fake_probability is not None:
        yield _table(_score_rows(report))
    yield from _section("Interpretation", INTERPRETATION)
    yield from _remarks(report)
    yield _paragraph("Flagged segments", "Heading3")
    yield from _segments(report)
    if images:
        yield _paragraph("Evidence", "Heading3")
        captions = {item.file or item.original: item.description for item in report.evidence}
        captions.update(ingredient_captions(report).items())
        yield from _images(
            (f"{name}. {captions.get(f'{name}.png', '')}", png) for name, png in images
        )
    yield _paragraph("File", "Heading3")
    yield _table(_file_rows(job, report))
    yield _paragraph("Detector, calibration and gates", "Heading3")
    yield _table(_detector_rows(report))
    if report.custody is not None:
        yield _paragraph("Chain of custody", "Heading3")
        yield _table(custody_rows(report))
    yield Spacer(1, 4 * mm)
    created = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    yield _paragraph(f"Job {job.id}, report created {created} by unmask {__version__}.", "Italic")


def _remarks(report: Report) -> Iterator[Flowable]:
    """Yield the sections on caveats, speakers, material, coverage and provenance that it has."""
    sections = {
        "Caveats": report.notes,
        "Who speaks": report.speaking_lines,
        "What the material does to verdicts": report.quality_lines,
        "What the detector was tested on": report.coverage_lines,
        "Adversarial attack": report.attack_lines,
        "Provenance": report.provenance_lines,
    }
    for title, lines in sections.items():
        if lines:
            yield from _section(title, lines)
    if report.provenance_lines:
        yield _table(provenance_rows(report))


def _score_rows(report: Report) -> Iterator[tuple[str, str]]:
    yield "Fake probability", _format_score(report, report.fake_probability)
    interval, uncertainty = report.confidence_interval, report.uncertainty_score
    unknown = "not estimated by this detector"
    yield "95 % interval", _format_range(report, interval) if interval else unknown
    if report.dropout_range is not None:
        yield "Dropout range", _format_range(report, report.dropout_range)
    yield "Uncertainty score", unknown if uncertainty is None else f"{uncertainty:.3f}"
    for modality, label in (("video", "Faces"), ("audio", "Voice"), ("lip_sync", "Lip-sync")):
        yield f"{label} only", _format_score(report, getattr(report.modalities, modality))
    for member in report.members:
        yield f"Ensemble member {member.name}", _format_score(report, member.fake_probability)
    for person in report.people:
        score = _format_score(report, person.fake_probability)
        yield f"Person {person.id}", f"{score}, visible in {person.frames} sampled frames"


def _file_rows(job: Job, report: Report) -> Iterator[tuple[str, str]]:
    media, quality, options = report.media, report.quality, job.options
    yield "Name", media.file
    yield "SHA-256", job.sha256
    yield "Size", f"{media.size_bytes:,} bytes, {media.duration_s:.1f} s"
    yield "Video", f"{media.width}×{media.height}, {media.fps:g} fps, {media.video_codec or 'none'}"
    if media.rotation_deg or media.mirrored:
        yield "Shown", f"turned clockwise by {media.rotation_deg}°{', mirrored' * media.mirrored}"
    yield "Audio", media.audio_codec or "none"
    for track in media.sound_tracks if len(media.sound_tracks) > 1 else ():
        yield "Sound track", track.description
    if "start_s" in options or "end_s" in options:
        end = f"{options['end_s']:g} s" if "end_s" in options else "the end"
        yield "Analyzed region", f"{options.get('start_s', 0):g} s to {end}"
    yield (
        "Faces and speech",
        f"faces in {quality.frames_with_face} of {quality.frames_sampled} sampled frames, "
        f"{_format_people(quality.people)}, {quality.speech_s:.1f} s of speech",
    )
    yield "Result", "reused from an earlier job on the same video" if job.cached else "of this job"


def _detector_rows(report: Report) -> Iterator[tuple[str, str]]:
    model = report.model
    yield "SHA-256", model.sha256
    yield "Phase, profile", f"{model.phase}, {model.profile}"
    yield "Backbones", f"{model.frame_backbone} (faces), {model.voice_backbone} (voice)"
    yield "Calibration", f"temperature {model.temperature:.3f}, bias {model.bias:+.3f}"
    if (promise := model.promise) is not None:
        yield (
            "Promised error rates",
            f"at most {promise.fpr:.1%} of genuine clips called fake and {promise.fnr:.1%} of "
            f"fakes called real, from {promise.real_clips} genuine and {promise.fake_clips} fake "
            "calibration clips",
        )
    yield (
        "Measured error rates",
        NOT_MEASURED if model.measured is None else (f"{model.measured.describe()}."),
    )
    if model.prevalence is not None:
        yield "Prevalence", f"probabilities hold where {model.prevalence:.0%} of videos are forged"
    yield "Thresholds", f"real below {model.real_below:.3f}, fake above {model.fake_above:.3f}"
    thresholds = model.alarms
    yield (
        "Segment thresholds",
        f"face above {_format_threshold(thresholds.video)}, "
        f"voice above {_format_threshold(thresholds.audio)}, "
        f"lip-sync above {_format_threshold(thresholds.lip_sync)}"
        + (
            f"; each at most {thresholds.per_hour:.3g} times per hour of genuine footage like the "
            "calibration clips, on average"
            if thresholds.per_hour
            else ""
        ),
    )
    for gate in model.gates:
        measured = "" if gate.value is None else f": {gate.value:.4f}"
        limit = f"{gate.direction} {gate.limit:g}, {gate.level}"
        yield f"Gate {gate.name}", f"{gate.verdict}{measured} ({limit})"
    yield "Gates", PROMOTION
    if model.notes:
        yield "Left out", "; ".join(model.notes)


def _segments(report: Report) -> Iterator[Flowable]:
    if not report.segments:
        yield _paragraph("No segment of face, voice or lip-sync exceeds its threshold.")
        return
    listed = report.segments[:MAX_SEGMENTS]
    yield _table(
        (
            f"{segment.start_s:.1f} to {segment.end_s:.1f} s",
            f"{segment.modality.replace('_', ' ')}"
            + ("" if segment.person is None else f", person {segment.person}")
            + f": {_format_score(report, segment.fake_probability)}",
        )
        for segment in listed
    )
    if len(report.segments) > len(listed):
        remaining = len(report.segments) - len(listed)
        yield _paragraph(f"{remaining} more segments are listed in the JSON report.")


def _section(title: str, paragraphs: Sequence[str]) -> Iterator[Flowable]:
    yield _paragraph(title, "Heading3")
    yield from (_paragraph(text) for text in paragraphs)


def _images(items: Iterator[tuple[str, bytes]]) -> Iterator[Flowable]:
    """Yield rows of images; each is a table, so that a page can end after any of them."""
    cells = [_image(caption, content) for caption, content in items]
    for start in range(0, len(cells), IMAGES_PER_ROW):
        row = cells[start : start + IMAGES_PER_ROW]
        widths = [WIDTH / IMAGES_PER_ROW] * len(row)
        yield Table([row], colWidths=widths, style=IMAGE_ROWS, hAlign="LEFT")


def _image(caption: str, content: bytes) -> list[Flowable]:
    image = Image(BytesIO(content))
    scale = min(IMAGE_SIZE / image.imageWidth, IMAGE_SIZE / image.imageHeight)
    image.drawWidth, image.drawHeight = image.imageWidth * scale, image.imageHeight * scale
    image.hAlign = "LEFT"
    return [image, _paragraph(caption.rstrip(". "))]


def _table(rows: Iterator[tuple[str, str]]) -> Flowable:
    cells = [[_paragraph(label), _paragraph(value)] for label, value in rows]
    return Table(cells, colWidths=[LABEL_WIDTH, WIDTH - LABEL_WIDTH], style=GRID, spaceBefore=4)


def _paragraph(text: str, style: str = "BodyText") -> Flowable:
    # the standard PDF fonts have Latin letters only; other letters appear as code points
    printable = text.encode("cp1252", "backslashreplace").decode("cp1252")
    return Paragraph(escape(printable), STYLES[style])


def _format_threshold(value: float) -> str:
    """Use five digits where three would round the threshold up to 1."""
    return f"{value:.3f}" if value < 0.9995 else f"{value:.5f}"


def _format_score(report: Report, value: float | None) -> str:
    if value is None:
        return "not scored"
    return _spell_signs(format_probability(value, report.model.promise))


def _format_range(report: Report, ends: tuple[float, float]) -> str:
    return _spell_signs(format_range(*ends, report.model.promise))


def _spell_signs(text: str) -> str:
    # the standard PDF fonts have no signs for these
    return text.replace("≥", "at least").replace("≤", "at most")


def _format_people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"
