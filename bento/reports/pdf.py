"""The report to print or to put on file: everything a reader needs who was not there."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from io import BytesIO
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Image, KeepTogether, Paragraph, SimpleDocTemplate, Spacer
from reportlab.platypus.tables import Table, TableStyle

from bento.db.models import Job
from unmask import __version__
from unmask.serving.report.schema import Report

WIDTH = 170 * mm
PICTURE_WIDTH = 80 * mm
MOST_SEGMENTS = 40
STYLES = getSampleStyleSheet()
GRID = TableStyle(
    [
        ("GRID", (0, 0), (-1, -1), 0.25, colors.grey),
        ("BACKGROUND", (0, 0), (0, -1), colors.whitesmoke),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]
)
VERDICTS = {
    "fake": "The video is like known forgeries.",
    "real": "The video is not like known forgeries.",
    "inconclusive": "The video cannot be told apart from either.",
}
MEANING = (
    "The fake probability is a measured likeness to the forgeries on which the detector was "
    "trained and calibrated, between 0 and 1; higher is more fake. It is not the probability that "
    "a court or an editor needs: that depends also on how common forgeries are where this video "
    "comes from. It says nothing about a person's intent, and it is no judgement on a person.",
    "The verdict is `fake` above and `real` below the thresholds named here, which were set on "
    "videos that the detector had not been trained on; between them it is `inconclusive`.",
    "Limits: a kind of forgery unlike those known, strong compression, small or hidden faces, and "
    "sound without speech lower what can be seen. A genuine video that was edited or processed "
    "may score high. Nobody should be accused on this report alone.",
)


def report_pdf(job: Job, report: Report, pictures: Sequence[tuple[str, bytes]]) -> bytes:
    """Lay out one job's report.

    Args:
        pictures: Name and PNG of each piece of evidence.
    """
    target = BytesIO()
    title = f"unmask report {job.id}"
    page = SimpleDocTemplate(
        target, pagesize=A4, title=title, author=f"unmask {__version__}", margin=20 * mm
    )
    page.build(list(_build_story(job, report, pictures)))
    return target.getvalue()


def _build_story(
    job: Job, report: Report, pictures: Sequence[tuple[str, bytes]]
) -> Iterator[Flowable]:
    yield _text("unmask: report on a video", "Title")
    yield _text(f"{report.verdict.upper()}. {VERDICTS[report.verdict]}", "Heading2")
    yield _table(_answer(report))
    yield from _section("What the score means", MEANING)
    if report.notes:
        yield from _section("What bears on this video", report.notes)
    yield _text("Where", "Heading3")
    yield from _segments(report)
    if pictures:
        yield _text("Evidence", "Heading3")
        yield from (_picture(name, content) for name, content in pictures)
    yield _text("The file", "Heading3")
    yield _table(_file(job, report))
    yield _text("The detector, its calibration and its gates", "Heading3")
    yield _table(_detector(report))
    yield Spacer(1, 4 * mm)
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    yield _text(f"Job {job.id}, made {made} by unmask {__version__}.", "Italic")


def _answer(report: Report) -> Iterator[tuple[str, str]]:
    yield "Fake probability", _number(report.fake_probability)
    interval = report.confidence_interval
    told = "not known to this detector"
    yield "Interval", f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else told
    score = report.uncertainty_score
    yield "Uncertainty score", told if score is None else f"{score:.3f}"
    for name, value in report.modalities.model_dump().items():
        label = name.replace("_", " ")
        if value is None or isinstance(value, float):
            yield f"{label[:1].upper()}{label[1:]} alone", _number(value)
    for member in report.members:
        yield f"Member {member.name}", _number(member.fake_probability)
    for person in report.people:
        yield (
            f"Person {person.id}",
            f"{_number(person.fake_probability)}, seen in {person.frames} frames looked at",
        )


def _file(job: Job, report: Report) -> Iterator[tuple[str, str]]:
    media, options = report.media, job.options
    yield "Name", media.file
    yield "SHA-256", job.sha256
    yield "Size", f"{media.size_bytes:,} bytes, {media.duration_s:.1f} s"
    yield "Picture", f"{media.width}×{media.height}, {media.fps:g}/s, {media.video_codec or 'none'}"
    yield "Sound", media.audio_codec or "none"
    if "start_s" in options or "end_s" in options:
        yield "Analyzed", f"{options.get('start_s', 0):g} s to {options.get('end_s', 'the end')} s"
    yield (
        "Faces",
        (
            f"in {report.quality.frames_with_face} of {report.quality.frames_sampled} frames, "
            f"{_people(report.quality.people)}, {report.quality.speech_s:.1f} s of speech"
        ),
    )
    yield "Result", "of an earlier job on the same video" if job.cached else "of this job"


def _detector(report: Report) -> Iterator[tuple[str, str]]:
    model = report.model
    yield "SHA-256", model.sha256
    yield "Phase, profile", f"{model.phase}, {model.profile}"
    yield "Networks", f"{model.frame_backbone} (faces), {model.voice_backbone} (voice)"
    yield "Calibration", f"temperature {model.temperature:.3f}, bias {model.bias:+.3f}"
    yield "Thresholds", f"real below {model.real_below:.3f}, fake above {model.fake_above:.3f}"
    alarms = model.alarms
    yield (
        "Stands out",
        f"face above {_threshold(alarms.video)}, voice above {_threshold(alarms.audio)}, "
        f"lip-sync above {_threshold(alarms.lip_sync)}",
    )
    for gate in model.gates:
        kept = "kept" if gate.passed else "not kept"
        wanted = f"{gate.direction} {gate.limit:g} is {gate.level}"
        yield f"Gate {gate.name}", f"{_measured(gate.value)}; {wanted}: {kept}"
    yield (
        "Gates",
        "A detector is packed for service only after it passed every required gate (accuracy, "
        "calibration, robustness, no worse than the one before it); a detector put in place by "
        "hand has passed none. The figures are kept under its SHA-256 with the training run.",
    )


def _segments(report: Report) -> Iterator[Flowable]:
    if not report.segments:
        yield _text("No stretch of face, voice or lips stands out from genuine footage.")
        return
    shown = report.segments[:MOST_SEGMENTS]
    yield _table(
        (
            f"{one.start_s:.1f} to {one.end_s:.1f} s",
            f"{one.modality.replace('_', ' ')}"
            + ("" if one.person is None else f", person {one.person}")
            + f": {one.fake_probability:.3f}",
        )
        for one in shown
    )
    if len(report.segments) > len(shown):
        yield _text(f"And {len(report.segments) - len(shown)} more, in the JSON report.")


def _section(title: str, sentences: Sequence[str]) -> Iterator[Flowable]:
    yield _text(title, "Heading3")
    yield from (_text(sentence) for sentence in sentences)


def _picture(name: str, content: bytes) -> Flowable:
    image = Image(BytesIO(content))
    share = min(PICTURE_WIDTH / image.imageWidth, PICTURE_WIDTH / image.imageHeight)
    image.drawWidth, image.drawHeight = image.imageWidth * share, image.imageHeight * share
    return KeepTogether([image, _text(name)])


def _table(rows: Iterator[tuple[str, str]]) -> Flowable:
    cells = [[_text(label), _text(value)] for label, value in rows]
    return Table(cells, colWidths=[40 * mm, WIDTH - 40 * mm], style=GRID)


def _text(words: str, style: str = "BodyText") -> Flowable:
    # the fonts that every reader of PDF has know Latin letters only; of others the number is told
    known = words.encode("cp1252", "backslashreplace").decode("cp1252")
    return Paragraph(escape(known), STYLES[style])


def _threshold(value: float) -> str:
    """One close to 1 is not to look like 1."""
    return f"{value:.3f}" if value < 0.9995 else f"{value:.5f}"


def _measured(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4f}"


def _number(value: float | None) -> str:
    return "not scored" if value is None else f"{value:.3f}"


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"
