"""`unmask data preprocess`: fill the feature cache."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unmask import messages
from unmask.cli.cluster_options import with_cluster
from unmask.cli.options import PROFILE, Jobs, JsonFile, Overrides, Phase, Profile
from unmask.errors import DataError

if TYPE_CHECKING:
    from unmask.preprocessing.run_batch import PreprocessReport


@with_cluster
def command(
    source: Annotated[Path, typer.Argument(help="Folder of media files, or a manifest.")],
    json: JsonFile = None,
    jobs: Jobs = 2,
    phase: Phase = 1,
    profile: Profile = PROFILE,
    set_: Overrides = None,
) -> None:
    """Detect, align and track faces, compute optical flow, and detect speech."""
    from unmask.config import load_settings
    from unmask.preprocessing.cache import Cache
    from unmask.preprocessing.media.suffixes import count_unknown, describe_unknown
    from unmask.preprocessing.run_batch import preprocess_files

    settings = load_settings(phase=phase, profile=profile, overrides=set_ or ()).preprocessing
    result = preprocess_files(_media_paths(source), settings, Cache(), jobs)
    if json is not None:
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(result.to_json())
    if source.is_dir() and (unknown := count_unknown(source)):
        typer.echo(describe_unknown(unknown))
    _print_summary(result)
    if result.total.failed == result.total.files:
        raise DataError(f"{source}: none of {result.total.files} file(s) could be preprocessed")


def _print_summary(result: "PreprocessReport") -> None:
    total = result.total
    for file in result.files:
        if file.error:
            messages.write_error(f"failed: {file.error}")
    typer.echo(
        f"{total.files - total.failed} of {total.files} files, {total.duration_s:.1f} s of media "
        f"in {total.wall_s:.1f} s ({total.real_time_factor:.1f} times real time)"
    )
    typer.echo(
        f"face in {total.frames_with_face} of {total.frames_sampled} frames, "
        f"{total.people} people, {total.speech_s:.1f} s speech, {total.silence_s:.1f} s silence"
    )


def _media_paths(source: Path) -> tuple[Path, ...]:
    """Return all media files below a folder, or those that a manifest names."""
    from unmask.preprocessing.run_batch import find_media

    if source.is_dir():
        return find_media(source)
    if not source.is_file():
        raise DataError(f"{source}: does not exist; give a folder or a manifest")
    if source.suffix == ".parquet":
        from unmask.data.manifest import read_manifest

        return tuple(clip.path for clip in read_manifest(source))
    try:
        with source.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{source}: not a CSV manifest; give a folder or a .csv file") from error
    names = [row.get("path") or row.get("file") or "" for row in rows]
    if not names or not all(names):
        raise DataError(f"{source}: needs one row per clip and a column named path or file")
    return tuple(source.parent / name for name in names)
