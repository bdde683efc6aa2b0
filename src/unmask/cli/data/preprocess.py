"""`unmask preprocess`: fill the cache with a folder's or a manifest's clips."""

import csv
from pathlib import Path
from typing import Annotated

import typer

from unmask.errors import DataError


def command(
    source: Annotated[Path, typer.Argument(help="A folder of media files, or a manifest.")],
    report: Annotated[Path | None, typer.Option(help="Write the report here, as JSON.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes side by side.")] = 2,
    cache: Annotated[Path, typer.Option(help="Where prepared arrays are kept.")] = Path(
        "data/cache"
    ),
    params: Annotated[Path, typer.Option(help="Settings file.")] = Path("params.yaml"),
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="preprocessing.section.key=value")
    ] = None,
) -> None:
    """Find, align and follow faces, measure their motion, and find speech."""
    from unmask.config import load_settings
    from unmask.preprocessing.cache import Cache
    from unmask.preprocessing.run_batch import preprocess_files

    settings = load_settings(params, overrides=set_ or ()).preprocessing
    done = preprocess_files(_paths(source), settings, Cache(cache), jobs)
    if report is not None:
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(done.to_json())
    total = done.total
    for file in done.files:
        if file.error:
            typer.echo(f"failed: {file.error}", err=True)
    typer.echo(
        f"{total.files - total.failed} of {total.files} files, {total.duration_s:.1f} s of media "
        f"in {total.wall_s:.1f} s ({total.real_time_factor:.1f} times real time)"
    )
    typer.echo(
        f"face in {total.frames_with_face} of {total.frames_sampled} frames, "
        f"{total.people} people, {total.speech_s:.1f} s speech, {total.silence_s:.1f} s silence"
    )
    if total.failed == total.files:
        raise DataError(f"{source}: none of {total.files} file(s) could be prepared")


def _paths(source: Path) -> tuple[Path, ...]:
    """The files meant: all media below a folder, or a manifest's column `path` or `file`."""
    from unmask.preprocessing.run_batch import find_media

    if source.is_dir():
        return find_media(source)
    if not source.is_file():
        raise DataError(f"{source}: does not exist; name a folder or a manifest")
    if source.suffix == ".parquet":
        from unmask.data.manifest import read_manifest

        return tuple(clip.path for clip in read_manifest(source))
    try:
        with source.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{source}: is no CSV manifest; name a folder or a .csv file") from error
    names = [row.get("path") or row.get("file") or "" for row in rows]
    if not names or not all(names):
        raise DataError(f"{source}: needs a row per clip and a column named path or file")
    return tuple(source.parent / name for name in names)
