"""Short transactions."""

import pytest
from sqlalchemy import create_engine, delete, select, update
from sqlalchemy.orm import Session

from bento.db.models import Base, Counter
from bento.db.transactions import transaction, update_one


@pytest.fixture
def engine(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/test.db")
    Base.metadata.create_all(engine)
    with transaction(engine) as session:
        session.add_all(Counter(name="a", label=label, value=1.0) for label in "xy")
    yield engine
    engine.dispose()


def labels(engine):
    with Session(engine) as session:
        return sorted(session.scalars(select(Counter.label)))


def test_exception_rolls_back(engine):
    def delete_and_fail():
        with transaction(engine) as session:
            session.execute(delete(Counter))
            raise ValueError("failed after the delete")

    with pytest.raises(ValueError, match="failed after"):
        delete_and_fail()
    assert labels(engine) == ["x", "y"]


def test_loaded_objects_stay_readable_after_the_commit(engine):
    with transaction(engine) as session:
        counter = session.scalars(select(Counter).where(Counter.label == "x")).one()
    assert counter.value == 1.0


def test_update_one_is_true_for_exactly_one_row(engine):
    assert update_one(engine, update(Counter).where(Counter.label == "x").values(value=2.0))
    assert not update_one(engine, update(Counter).where(Counter.label == "z").values(value=2.0))
    assert update_one(engine, delete(Counter).where(Counter.label == "x"))
    assert labels(engine) == ["y"]
