"""What compose.yaml and Dockerfile say agrees with the code that they start."""

import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from bento.settings import PREFIX, ServiceSettings

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
APP = ("service", "worker", "keys")
# as Docker Compose does it: ${NAME:-default} and ${NAME:?message}
INTERPOLATION = re.compile(r"(?<!\$)\$\{(\w+)(?::([-?])([^}]*))?\}")


def dockerfile():
    return (ROOT / "Dockerfile").read_text().replace("\\\n", " ")


def dockerfile_environment():
    """Variables of the image, from its ENV instructions."""
    pairs = " ".join(re.findall(r"^ENV (.*)$", dockerfile(), re.MULTILINE)).split()
    return dict(pair.split("=", 1) for pair in pairs)


def start_command(name):
    """Return the start command of a service's container, entrypoint first."""
    service = SERVICES[name]
    return [str(word) for word in [*service.get("entrypoint", []), *service.get("command", [])]]


def interpolate(text, **values):
    def value_of(match):
        name, kind, rest = match.groups()
        return values[name] if kind == "?" else values.get(name, rest)

    return INTERPOLATION.sub(value_of, text)


def started_modules():
    image = json.loads(re.search(r"^CMD (.*)$", dockerfile(), re.MULTILINE)[1])
    for command in (image, *map(start_command, SERVICES)):
        if "-m" in command:
            yield command[command.index("-m") + 1], None
        elif command[:2] == ["bentoml", "serve"]:
            yield tuple(command[2].split(":"))


@pytest.mark.parametrize("name", APP)
def test_every_unmask_variable_is_a_setting(name):
    known = {PREFIX + field.upper() for field in ServiceSettings.model_fields}
    used = {key for key in SERVICES[name]["environment"] if key.startswith(PREFIX)}
    assert len(used) >= 4
    assert used <= known


def test_the_images_variables_are_settings():
    known = {PREFIX + field.upper() for field in ServiceSettings.model_fields}
    used = {key for key in dockerfile_environment() if key.startswith(PREFIX)}
    assert used == {"UNMASK_FOLDER"} & known


def test_the_settings_are_read_as_they_are_meant():
    environment = {**dockerfile_environment(), **SERVICES["service"]["environment"]}
    values = {"POSTGRES_PASSWORD": "p", "REDIS_PASSWORD": "r", "S3_PASSWORD": "s"}
    given = {key: interpolate(value, **values) for key, value in environment.items()}
    settings = ServiceSettings.from_environment(given)
    assert settings.database == "postgresql://unmask:p@database/unmask"
    assert settings.queue == "redis://:r@queue:6379/0"
    assert settings.s3_endpoint == "http://store.localhost:9000"
    assert not settings.embedded
    assert settings.api_keys_file == Path("/keys/api_keys")
    assert str(settings.folder) in SERVICES["service"]["volumes"]


def test_every_started_module_exists():
    modules = list(started_modules())
    assert len(modules) == 4
    for module, attribute in modules:
        spec = find_spec(module)
        assert spec is not None, module
        if attribute is None and spec.submodule_search_locations:
            assert find_spec(f"{module}.__main__") is not None, module


def test_the_served_object_is_the_service():
    served = {(module, attribute) for module, attribute in started_modules() if attribute}
    assert served == {("bento.service", "UnmaskService")}
    source = (ROOT / "bento/service.py").read_text()
    assert re.search(r"^class UnmaskService\b", source, re.MULTILINE)


@pytest.mark.parametrize("name", ["POSTGRES_PASSWORD", "REDIS_PASSWORD", "S3_PASSWORD"])
def test_a_missing_password_is_an_error_with_a_remedy(name):
    text = (ROOT / "compose.yaml").read_text()
    uses = [match for match in INTERPOLATION.finditer(text) if match[1] == name]
    assert len(uses) >= 2
    assert {(match[2], match[3]) for match in uses} == {
        ("?", f"set {name} in .env, see compose.yaml")
    }


def test_ports_are_published_on_this_machine_unless_told_otherwise():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert [interpolate(port) for port in ports] == ["127.0.0.1:3000:3000", "127.0.0.1:9000:9000"]


def test_queue_and_database_are_reached_by_service_and_worker_alone():
    assert COMPOSE["networks"]["backend"]["internal"] is True
    inside = [name for name, service in SERVICES.items() if service.get("networks") == ["backend"]]
    assert sorted(inside) == ["database", "queue"]
    assert all(SERVICES[name]["networks"] == ["default", "backend"] for name in APP)


@pytest.mark.parametrize("name", APP)
def test_our_containers_have_a_read_only_root_and_no_capabilities(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    writable = dockerfile_environment()["UNMASK_FOLDER"]
    assert writable in service["volumes"]
    homes = ("HOME", "BENTOML_HOME", "MPLCONFIGDIR", "NUMBA_CACHE_DIR")
    assert all(dockerfile_environment()[key].startswith(writable) for key in homes)


def test_containers_wait_for_what_they_need():
    for name in APP:
        for dependency, wait in SERVICES[name]["depends_on"].items():
            checked = wait["condition"] == "service_completed_successfully"
            assert checked or "healthcheck" in SERVICES[dependency]
    assert SERVICES["bucket"]["depends_on"] == {"store": {"condition": "service_healthy"}}


def test_volumes_are_declared():
    named = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if not volume.startswith("/")
    }
    assert named == set(COMPOSE["volumes"])
