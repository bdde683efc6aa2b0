"""`unmask analyze`: one video in, a verdict that a person can read, and the report as JSON."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unmask.errors import ConfigError

if TYPE_CHECKING:
    from unmask.serving.report.schema import Media, Person, Report, Segment

COLOURS = {"fake": "bold red", "real": "bold green", "inconclusive": "bold yellow"}


def command(
    video: Annotated[Path, typer.Argument(help="Video of a talking person.")],
    json_out: Annotated[
        Path | None, typer.Option("--json", help="Write the whole report here; - is stdout.")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Detector to use; default: the champion.")
    ] = None,
    evidence: Annotated[
        Path | None, typer.Option(help="Folder for pictures of what the detector saw.")
    ] = None,
) -> None:
    """Say whether one video is genuine."""
    from unmask.native_stderr import suppress_native_stderr

    with suppress_native_stderr():
        from unmask.serving.analyzer import Analyzer

        report = Analyzer.load(bundle).analyze(video, evidence_dir=evidence)
    text = report.model_dump_json(indent=2) + "\n"
    if json_out == Path("-"):
        sys.stdout.write(text)
        return
    if json_out is not None:
        _write(json_out, text)
    print_report(report)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        words = f"--json {path}: cannot be written ({error.strerror}); give another place"
        raise ConfigError(words) from error


def print_report(report: "Report") -> None:
    """Print a report as a person reads it."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(_media(report.media), "dim"))
    head = Text(report.verdict.upper(), COLOURS[report.verdict])
    if report.fake_probability is not None:
        head.append(f"  fake probability {report.fake_probability:.2f}", "bold")
        head.append(_modality_summary(report), "not bold")
    console.print(head)
    for line in _uncertainty_lines(report):
        console.print(Text(f"  {line}"))
    for person in report.people:
        console.print(Text(f"  {_person(person)}"))
    for part in report.segments:
        console.print(Text(f"  {_segment(part)}", "red"))
    for exhibit in report.evidence:
        where = "" if exhibit.file is None else f"{exhibit.file}: "
        console.print(Text(f"  {where}{exhibit.description}"))
    for note in report.notes:
        console.print(Text(f"  note: {note}"))
    model = f"detector: phase {report.model.phase}, {report.model.profile}, "
    model += f"{report.model.sha256[:12]}; {report.timing_s.total:.1f} s of work"
    console.print(Text(model, "dim"))


def _media(media: "Media") -> str:
    codecs = [codec for codec in (media.video_codec, media.audio_codec) if codec]
    size = f"{media.width}×{media.height}, " if media.video_codec else ""
    return f"{media.file}  {media.duration_s:.1f} s, {size}{' + '.join(codecs)}"


def _uncertainty_lines(report: "Report") -> Iterator[str]:
    if report.confidence_interval is not None:
        low, high = report.confidence_interval
        doubt = f"uncertainty {report.uncertainty_score:.3f}"
        yield f"repeated answers: {low:.2f} to {high:.2f}, {doubt}"
    if report.members:
        said = ", ".join(f"{member.fake_probability:.2f}" for member in report.members)
        yield f"{len(report.members)} members: {said}"


def _person(person: "Person") -> str:
    words = f"person {person.id}: {person.fake_probability:.2f} over {person.frames} frames"
    if person.lip_sync is None or person.lip_sync.offset_ms is None:
        return words
    offset_ms = person.lip_sync.offset_ms
    return f"{words}; sound {abs(offset_ms):.0f} ms {'late' if offset_ms >= 0 else 'early'}"


def _segment(part: "Segment") -> str:
    whose = {"video": "face", "audio": "voice", "lip_sync": "lips"}[part.modality]
    whose += "" if part.person is None else f" of person {part.person}"
    return f"{part.start_s:.1f} to {part.end_s:.1f} s: {whose} {part.fake_probability:.2f}"


def _modality_summary(report: "Report") -> str:
    alone = {
        "face": report.modalities.video,
        "voice": report.modalities.audio,
        "lip-sync": report.modalities.lip_sync,
    }
    said = [f"{name} {value:.2f}" for name, value in alone.items() if value is not None]
    return f"  ({', '.join(said)})" if said else ""
