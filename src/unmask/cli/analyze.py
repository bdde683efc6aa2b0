"""`unmask analyze`: one video in, a verdict that a person can read, and the report as JSON."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unmask.errors import ConfigError

if TYPE_CHECKING:
    from unmask.serving.report import Media, Report

COLOURS = {"fake": "bold red", "real": "bold green", "inconclusive": "bold yellow"}


def command(
    video: Annotated[Path, typer.Argument(help="Video of a talking person.")],
    json_out: Annotated[
        Path | None, typer.Option("--json", help="Write the whole report here; - is stdout.")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Detector to use; default: the champion.")
    ] = None,
) -> None:
    """Say whether one video is genuine."""
    from unmask.cli.native import native_silence

    with native_silence():
        from unmask.serving.analyzer import Analyzer

        report = Analyzer.load(bundle).analyze(video)
    text = report.model_dump_json(indent=2) + "\n"
    if json_out == Path("-"):
        sys.stdout.write(text)
        return
    if json_out is not None:
        _write(json_out, text)
    _show(report)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        words = f"--json {path}: cannot be written ({error.strerror}); give another place"
        raise ConfigError(words) from error


def _show(report: "Report") -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(_media(report.media), "dim"))
    head = Text(report.verdict.upper(), COLOURS[report.verdict])
    if report.fake_probability is not None:
        head.append(f"  fake probability {report.fake_probability:.2f}", "bold")
        head.append(_grounds(report), "not bold")
    console.print(head)
    for person in report.people:
        words = f"person {person.id}: {person.fake_probability:.2f} over {person.frames} frames"
        console.print(Text(f"  {words}"))
    for part in report.segments:
        whose = "voice" if part.person is None else f"face of person {part.person}"
        words = f"{part.start_s:.1f} to {part.end_s:.1f} s: {whose} {part.fake_probability:.2f}"
        console.print(Text(f"  {words}", "red"))
    for note in report.notes:
        console.print(Text(f"  note: {note}"))
    model = f"detector: phase {report.model.phase}, {report.model.profile}, "
    model += f"{report.model.sha256[:12]}; {report.timing_s.total:.1f} s of work"
    console.print(Text(model, "dim"))


def _media(media: "Media") -> str:
    codecs = [codec for codec in (media.video_codec, media.audio_codec) if codec]
    size = f"{media.width}×{media.height}, " if media.video_codec else ""
    return f"{media.file}  {media.duration_s:.1f} s, {size}{' + '.join(codecs)}"


def _grounds(report: "Report") -> str:
    alone = {"face": report.modalities.video, "voice": report.modalities.audio}
    said = [f"{name} {value:.2f}" for name, value in alone.items() if value is not None]
    return f"  ({', '.join(said)})" if said else ""
