"""The service's key for reports: private, one per machine, its public half known to all."""

import json
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from bento.db.models import Secret
from bento.paths import PACKAGE_DIR
from bento.security.report_keys import ReportSigner, published_keys
from bento.settings import ServiceSettings
from unmask.errors import ConfigError, CustodyError
from unmask.serving.custody.signing_key import read_public_keys
from unmask.serving.report.schema import Report


@pytest.fixture
def report_fields():
    return json.loads((PACKAGE_DIR / "api" / "example_report.json").read_text())


def test_the_key_lies_in_the_folder_and_is_private(make_service):
    settings = make_service().services.settings
    path = settings.report_key_path
    assert path.parent == settings.folder.resolve()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_setting_names_another_file(make_service, tmp_path):
    path = tmp_path / "secrets" / "key.pem"
    service = make_service(report_key_file=path)
    assert path.exists()
    assert not (service.services.settings.folder / "report-key.pem").exists()


def test_the_key_stays_the_same_after_a_restart(make_service):
    first, second = make_service().services, make_service().services
    assert published_keys(first.engine) == published_keys(second.engine)
    assert published_keys(first.engine).count("BEGIN PUBLIC KEY") == 1


def test_the_keys_of_all_machines_are_published(make_service, tmp_path):
    for name in ("a", "b"):
        services = make_service(report_key_file=tmp_path / f"{name}.pem").services
    (tmp_path / "published.pem").write_text(published_keys(services.engine))
    expected = [read_public_keys(tmp_path / f"{name}.pub.pem")[0] for name in ("a", "b")]
    assert list(read_public_keys(tmp_path / "published.pem")) == expected


def test_machines_that_share_a_database_share_a_key(make_service, tmp_path, report_fields):
    database = f"sqlite:///{tmp_path}/shared.db"
    machines = [
        make_service(folder=tmp_path / name, database=database).services for name in ("a", "b")
    ]
    assert published_keys(machines[0].engine).count("BEGIN PUBLIC KEY") == 1
    report = Report(**report_fields)
    first, second = (services.report_signer.sign(report).signature for services in machines)
    assert first == second
    assert not list(tmp_path.rglob("report-key*.pem"))


def test_a_shared_key_that_is_damaged_stops_the_service(make_service, tmp_path):
    database = f"sqlite:///{tmp_path}/shared.db"
    engine = make_service(database=database).services.engine
    with Session(engine) as session:
        session.get_one(Secret, "report key").value = "no key"
        session.commit()
    with pytest.raises(CustodyError, match="report key: has no private Ed25519 key"):
        make_service(database=database)


def test_publishing_twice_does_no_harm(make_service):
    services, signer = make_service().services, ReportSigner(Ed25519PrivateKey.generate())
    for _ in range(2):
        signer.publish(services.engine)
    assert published_keys(services.engine).count("BEGIN PUBLIC KEY") == 2


def test_a_file_that_is_no_key_stops_the_service(make_service, tmp_path):
    (tmp_path / "key.pem").write_text("no key")
    with pytest.raises(CustodyError, match=r"key\.pem: has no private Ed25519 key"):
        make_service(report_key_file=tmp_path / "key.pem")


def test_a_relative_path_is_refused():
    with pytest.raises(ConfigError, match=r"UNMASK_REPORT_KEY_FILE: key\.pem is a relative path"):
        ServiceSettings.from_environment({"UNMASK_REPORT_KEY_FILE": "key.pem"})
