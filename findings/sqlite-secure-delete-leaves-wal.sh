#!/usr/bin/env bash
# SQLite with secure_delete=ON keeps deleted rows in the write-ahead log, also after a checkpoint.
#
# Expected: With `PRAGMA secure_delete=ON`, deleted content is overwritten with zeros, so that after
#           the commit, or at the latest after a complete checkpoint, no file has it.
# Seen:     In WAL mode only pages of the database file are overwritten. The log still has the page
#           as it was first written; PASSIVE, FULL and RESTART checkpoints report success and leave
#           it. It goes when later writes happen to cover it, with a TRUNCATE checkpoint, or with
#           the last connection. In DELETE mode nothing is left.
# Matters:  A service that keeps a connection open deletes a job or a name on request; the name
#           remains readable in the file beside the database, for days if little is written.
# Remedy:   `PRAGMA wal_checkpoint(TRUNCATE)` after deletions, and check the first number that it
#           returns: 1 means that a reader prevented it.
#
# Installs about 10 MB. Takes a few seconds.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check apsw==3.51.3.0 || exit 2

cat > "$work/delete.py" <<'PYTHON'
"""Store names, delete them and count them in the files of the database."""

import sys
from pathlib import Path

import apsw

NAME = b"Surname, First"
CHECKPOINTS = ("PASSIVE", "FULL", "RESTART", "TRUNCATE")


def count_names(folder):
    """Return how often the name is in each file that has it."""
    counts = {path.name: path.read_bytes().count(NAME) for path in sorted(folder.iterdir())}
    return {name: count for name, count in counts.items() if count}


def run(folder, mode):
    """Print the files with the name after each step; return whether a step left it."""
    folder.mkdir()
    connection = apsw.Connection(str(folder / "jobs.db"))
    connection.execute(f"PRAGMA journal_mode={mode}")
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("CREATE TABLE jobs (id INTEGER PRIMARY KEY, name TEXT)")
    for _ in range(50):
        connection.execute("INSERT INTO jobs (name) VALUES (?)", (NAME.decode() * 5,))
    connection.execute("DELETE FROM jobs")
    left = [count_names(folder)]
    print(f"{mode}: after the deletion {left[0]}")
    for checkpoint in CHECKPOINTS:
        numbers = connection.execute(f"PRAGMA wal_checkpoint({checkpoint})").fetchone()
        left.append(count_names(folder))
        print(f"{mode}: after {checkpoint} (busy, pages, copied: {numbers}) {left[-1]}")
    connection.close()
    return [list(counts) for counts in left]


def main():
    folder = Path(sys.argv[1])
    print("SQLite", apsw.sqlite_lib_version())
    in_log = run(folder / "wal", "WAL")
    in_database = run(folder / "delete", "DELETE")
    if in_log != [["jobs.db-wal"]] * 4 + [[]] or in_database != [[]] * 5:
        sys.exit("CHANGED: see the counts above")
    print("UNCHANGED: deleted names stay in the write-ahead log until it is truncated")


main()
PYTHON

"$python" "$work/delete.py" "$work"
