"""`unmask analyze`: verdict on one video, for people, and the report as JSON; or many videos."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unmask.cli.bulk_options import FAILED, BulkOptions
from unmask.cli.option_group import expand_options
from unmask.cli.options import ServedBundle
from unmask.cli.report_options import ReportOptions
from unmask.cli.verdict_colours import COLOURS
from unmask.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from unmask.serving.report.schema import Media, Person, Report, Segment


@expand_options("output", ReportOptions)
@expand_options("bulk", BulkOptions)
def command(
    videos: Annotated[
        list[str],
        typer.Argument(
            help="Video of a talking person; or many: files, folders, 'patterns', archives, "
            "lists of paths (.txt, .csv, .parquet, - for standard input), s3://, gs://, https://."
        ),
    ],
    *,
    bulk: BulkOptions,
    output: ReportOptions,
    bundle: ServedBundle = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print the verdict and its scores alone.")
    ] = False,
) -> None:
    """Detect whether videos of talking people are deepfakes."""
    from unmask.serving.bulk.input_kinds import is_collection

    if bulk.out is not None or len(videos) > 1 or is_collection(videos[0]):
        output.refuse_many()
        from unmask.cli.bulk_analysis import analyze_many

        analyze_many(videos, bundle, bulk, quiet)
        return
    output.check()
    report = output.apply(_analyze_video(Path(videos[0]), bundle, output.evidence))
    _show(report, output.json_out, quiet)
    if report.verdict in bulk.policy:
        raise typer.Exit(FAILED)


def _analyze_video(video: Path, bundle: Path | None, evidence: Path | None) -> "Report":
    from unmask.native_stderr import suppress_native_stderr

    with suppress_native_stderr():
        from unmask.serving.analyzer import Analyzer

        analyzer = Analyzer.load(bundle)
        if evidence is not None:
            analyzer.prepare_evidence()  # what is missing is said before the analysis
        return analyzer.analyze(video, evidence_dir=evidence)


def _show(report: "Report", json_out: Path | None, quiet: bool) -> None:
    text = report.model_dump_json(indent=2) + "\n"
    if json_out == Path("-"):
        sys.stdout.write(text)
        return
    if json_out is not None:
        _write(json_out, text)
    if quiet:
        _make_console().print(_describe_verdict(report))
    else:
        print_report(report)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"--json {path}: cannot be written ({error.strerror}); give another path"
        raise ConfigError(message) from error


def print_report(report: "Report") -> None:
    """Print a report for people to read."""
    from rich.text import Text

    console = _make_console()
    console.print(Text(_describe_media(report.media), "dim"))
    if len(report.media.sound_tracks) > 1:
        tracks = "; ".join(track.description for track in report.media.sound_tracks)
        console.print(Text(f"sound tracks: {tracks}", "dim"))
    console.print(_describe_verdict(report))
    for line in (*report.reason_messages, *_uncertainty_lines(report)):
        console.print(Text(f"  {line}"))
    people = [_describe_person(report, person) for person in report.people]
    for line in (*people, *report.speaking_lines):
        console.print(Text(f"  {line}"))
    for segment in report.segments:
        console.print(Text(f"  {_describe_segment(report, segment)}", "red"))
    for item in report.evidence:
        file = "" if item.file is None else f"{item.file}: "
        console.print(Text(f"  {file}{item.description}"))
    for line in _list_remarks(report):
        console.print(Text(f"  {line}"))
    model = f"detector: phase {report.model.phase}, {report.model.profile}, "
    model += f"{report.model.sha256[:12]}; {report.timing_s.total:.1f} s of work"
    console.print(Text(model, "dim"))


def _list_remarks(report: "Report") -> Iterator[str]:
    """Yield what is to be known beside the scores, each line with its kind."""
    kinds = {
        "material": report.degradation_lines,
        "attack": report.attack_lines if report.attack and report.attack.is_flagged else (),
        "provenance": report.provenance_lines,
        "note": report.notes,
    }
    for kind, lines in kinds.items():
        yield from (f"{kind}: {line}" for line in lines)


def _make_console() -> "Console":
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def _describe_verdict(report: "Report") -> "Text":
    from rich.text import Text

    head = Text(report.verdict.upper(), COLOURS[report.verdict])
    if report.fake_probability is not None:
        head.append(f"  fake probability {_score(report, report.fake_probability)}", "bold")
        head.append(_modality_summary(report), "not bold")
    return head


def _describe_media(media: "Media") -> str:
    codecs = [codec for codec in (media.video_codec, media.audio_codec) if codec]
    size = f"{media.width}×{media.height}, " if media.video_codec else ""
    return f"{media.file}  {media.duration_s:.1f} s, {size}{' + '.join(codecs)}"


def _uncertainty_lines(report: "Report") -> Iterator[str]:
    from unmask.serving.report.resolution import format_range

    promise = report.model.promise
    if report.confidence_interval is not None:
        yield f"95 % interval: {format_range(*report.confidence_interval, promise)}"
    if report.dropout_range is not None:
        spread = f"uncertainty {report.uncertainty_score:.3f}"
        yield f"dropout range: {format_range(*report.dropout_range, promise)}, {spread}"
    if report.members:
        probabilities = ", ".join(_score(report, item.fake_probability) for item in report.members)
        yield f"{len(report.members)} members: {probabilities}"


def _describe_person(report: "Report", person: "Person") -> str:
    probability = _score(report, person.fake_probability)
    score = f"person {person.id}: {probability} over {person.frames} frames"
    if person.lip_sync is None or person.lip_sync.offset_ms is None:
        return score
    offset_ms = person.lip_sync.offset_ms
    return f"{score}; audio {abs(offset_ms):.0f} ms {'late' if offset_ms >= 0 else 'early'}"


def _describe_segment(report: "Report", segment: "Segment") -> str:
    subject = {"video": "face", "audio": "voice", "lip_sync": "lips"}[segment.modality]
    subject += "" if segment.person is None else f" of person {segment.person}"
    span = f"{segment.start_s:.1f} to {segment.end_s:.1f} s"
    return f"{span}: {subject} {_score(report, segment.fake_probability)}"


def _modality_summary(report: "Report") -> str:
    modalities = {
        "face": report.modalities.video,
        "voice": report.modalities.audio,
        "lip-sync": report.modalities.lip_sync,
    }
    parts = [
        f"{name} {_score(report, value)}" for name, value in modalities.items() if value is not None
    ]
    return f"  ({', '.join(parts)})" if parts else ""


def _score(report: "Report", probability: float) -> str:
    """Format a probability no finer than the calibration clips can bear."""
    from unmask.serving.report.resolution import format_probability

    return format_probability(probability, report.model.promise)
