"""Short transactions on the job database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from sqlalchemy import CursorResult, Delete, Engine, Update
from sqlalchemy.orm import Session


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """Yield a session and commit at the end of the block; an exception rolls back.

    Loaded objects stay readable after the commit.
    """
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


def count_changed(session: Session, statement: Update | Delete) -> int:
    """Execute ``statement`` and return the number of rows that it changed."""
    return cast("CursorResult[object]", session.execute(statement)).rowcount


def update_one(engine: Engine, statement: Update | Delete) -> bool:
    """Execute ``statement`` in its own transaction; return whether it changed exactly one row."""
    with transaction(engine) as session:
        return count_changed(session, statement) == 1
