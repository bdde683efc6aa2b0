"""Persistent metric counters."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.dialects import postgresql, sqlite

from bento.db.models import Counter
from bento.db.transactions import transaction


def increment(engine: Engine, rows: Iterable[tuple[str, str, float]]) -> None:
    """Add each value to the counter with the given name and label, creating it if missing."""
    insert: Any = sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert
    with transaction(engine) as session:
        for name, label, value in sorted(rows):  # a fixed lock order prevents deadlocks
            added = insert(Counter).values(name=name, label=label, value=float(value))
            session.execute(
                added.on_conflict_do_update(
                    index_elements=["name", "label"],
                    set_={"value": Counter.value + added.excluded.value},
                )
            )
