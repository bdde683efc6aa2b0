"""Migrations: databases of earlier releases stay readable."""

import threading
import time

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, inspect, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from bento.db.engine import create_migrated_engine, read_revision
from bento.db.functions import db_now
from bento.db.models import Base, Job
from bento.paths import MIGRATIONS_DIR
from bento.settings import ServiceSettings

ROW = {
    "id": "0" * 32, "tenant": "local", "file": "a.mp4", "sha256": "1" * 64, "size_bytes": 5,
    "options": '{"retention": "keep"}', "status": "queued", "percent": 0.0, "attempts": 0,
    "created_at": 1.0, "evidence": "[]", "cached": False, "webhook_tries": 0,
}  # fmt: skip


def test_database_of_the_first_release_is_migrated_with_its_jobs(tmp_path):
    url = f"sqlite:///{tmp_path}/jobs.db"
    old = create_engine(url)
    with old.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS_DIR))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        columns = ", ".join(ROW)
        values = ", ".join(f":{name}" for name in ROW)
        connection.execute(
            text(f"INSERT INTO detection_results ({columns}) VALUES ({values})"), ROW
        )
    assert "service_secrets" not in inspect(old).get_table_names()
    old.dispose()
    engine = create_migrated_engine(ServiceSettings(database=url, folder=tmp_path))
    with Session(engine) as session:
        job = session.scalars(select(Job)).one()
        assert (job.file, job.options, job.upload) == ("a.mp4", {"retention": "keep"}, None)
    engine.dispose()


def test_migrated_schema_has_the_columns_of_the_models(tmp_path):
    engine = create_migrated_engine(ServiceSettings(folder=tmp_path))
    inspector = inspect(engine)
    for table in Base.metadata.sorted_tables:
        columns = {column["name"] for column in inspector.get_columns(table.name)}
        assert columns == set(table.columns.keys())
    engine.dispose()


def test_processes_that_start_at_once_migrate_once(tmp_path):
    engines, errors = [], []

    def start():
        try:
            engines.append(create_migrated_engine(ServiceSettings(folder=tmp_path)))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    for engine in engines:
        assert "detection_results" in inspect(engine).get_table_names()
        engine.dispose()


def test_schema_of_a_newer_version_is_kept_and_used(tmp_path, caplog):
    settings = ServiceSettings(folder=tmp_path)
    newer = create_migrated_engine(settings)
    with newer.begin() as connection:
        connection.execute(text("ALTER TABLE detection_results ADD COLUMN note TEXT"))
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    newer.dispose()
    engine = create_migrated_engine(settings)
    assert read_revision(engine) == "9999"
    assert "newer version (9999)" in caplog.text
    with Session(engine) as session:
        session.add(Job(**ROW | {"options": {"retention": "keep"}, "evidence": []}))
        session.commit()
        assert session.scalars(select(Job)).one().file == "a.mp4"
    engine.dispose()


def test_database_clock_counts_seconds_since_1970(tmp_path):
    engine = create_migrated_engine(ServiceSettings(folder=tmp_path))
    with engine.connect() as connection:
        assert connection.scalar(select(db_now())) == pytest.approx(time.time(), abs=5.0)
    engine.dispose()


def test_a_removed_or_replaced_database_file_is_noticed(tmp_path):
    engine = create_migrated_engine(ServiceSettings(folder=tmp_path))
    path, moved = tmp_path / "jobs.db", tmp_path / "moved.db"

    def answers():
        with engine.connect() as connection:
            return connection.scalar(text("SELECT 1")) == 1

    assert answers()
    path.rename(moved)
    with pytest.raises(OperationalError, match="was removed or replaced"):
        answers()
    path.write_bytes(moved.read_bytes())
    with pytest.raises(OperationalError, match="was removed or replaced"):
        answers()
    moved.replace(path)
    assert answers()
    engine.dispose()


def test_a_request_does_not_wait_long_for_a_locked_database(tmp_path):
    settings = ServiceSettings(folder=tmp_path)
    engine, other = create_migrated_engine(settings, 0.2), create_migrated_engine(settings)
    with other.connect() as writer:
        writer.execute(text("BEGIN IMMEDIATE"))
        start_s = time.monotonic()
        with pytest.raises(OperationalError, match="locked"), engine.begin() as connection:
            connection.execute(text("UPDATE detection_results SET percent = 1"))
        assert time.monotonic() - start_s < 3.0
    engine.dispose()
    other.dispose()
