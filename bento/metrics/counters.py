"""Numbers that only grow, for the metrics."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from bento.db.models import Counter


def increment(engine: Engine, rows: Iterable[tuple[str, str, float]]) -> None:
    """Add each value to the number of its name and label."""
    insert: Any = sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert
    with Session(engine) as session:
        for name, label, value in sorted(rows):  # one order, so that no two wait in a ring
            added = insert(Counter).values(name=name, label=label, value=float(value))
            session.execute(
                added.on_conflict_do_update(
                    index_elements=["name", "label"],
                    set_={"value": Counter.value + added.excluded.value},
                )
            )
        session.commit()
