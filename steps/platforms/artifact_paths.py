"""Artifacts of MLflow that are found again after a checkout was moved or copied.

MLflow stores the absolute place of every artifact. A copied checkout would read those of the
original, and write beside them.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import mlflow

SQLITE = "sqlite:///"
ROOT_VARIABLE = "MLFLOW_DEFAULT_ARTIFACT_ROOT"
COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def relocate_artifacts() -> int:
    """Correct the places in the local database, if they are those of another folder.

    A folder is left alone if it has artifacts of a run that are not here, as one that was chosen
    on purpose has. So is a tracking server.

    Returns:
        Number of places that were changed.
    """
    uri, setting = mlflow.get_tracking_uri(), os.environ.get(ROOT_VARIABLE)
    database = Path(uri.removeprefix(SQLITE))
    if not (uri.startswith(SQLITE) and setting and database.is_file() and Path(setting).is_dir()):
        return 0
    folder = Path(setting).absolute()
    with closing(sqlite3.connect(database)) as connection, connection:
        if not _tables(connection) >= {table for table, _ in COLUMNS}:
            return 0
        places = connection.execute("SELECT DISTINCT artifact_location FROM experiments")
        moved = [
            place
            for (place,) in places.fetchall()
            if _to_path(place).name == folder.name
            and place != folder.as_uri()
            and _is_all_here(connection, place, folder)
        ]
        return sum(_replace(connection, place, folder.as_uri()) for place in moved)


def _to_path(place: str) -> Path:
    return Path(url2pathname(urlsplit(place).path))


def _is_all_here(connection: sqlite3.Connection, place: str, folder: Path) -> bool:
    """Return whether all that runs have stored below a place, and that exists, is here as well."""
    uris = connection.execute("SELECT artifact_uri FROM runs").fetchall()
    recorded = _to_path(place)
    stored = [_to_path(uri) for (uri,) in uris if uri.startswith(f"{place}/")]
    return all((folder / path.relative_to(recorded)).exists() for path in stored if path.exists())


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}


def _replace(connection: sqlite3.Connection, old: str, new: str) -> int:
    """Replace a folder by another one where a place is that folder or below it."""
    changed = 0
    for table, column in COLUMNS:
        below = f"{column} = :old OR substr({column}, 1, length(:old) + 1) = :old || '/'"
        statement = (
            f"UPDATE {table} SET {column} = :new || substr({column}, length(:old) + 1) "
            f"WHERE {below}"
        )
        changed += connection.execute(statement, {"old": old, "new": new}).rowcount
    return changed
