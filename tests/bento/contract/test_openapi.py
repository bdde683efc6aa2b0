"""The OpenAPI document and the service say the same: Schemathesis asks, and judges the answers."""

import pytest

from bento.api import schemas
from bento.api.app import create_app
from bento.settings import ServiceSettings
from unmask.serving.report.schema import Report

schemathesis = pytest.importorskip("schemathesis")

ROUTES = {
    ("/predict", "post"),
    ("/analyze-video", "post"),
    ("/batch", "post"),
    ("/jobs", "get"),
    ("/jobs/{job_id}", "get"),
    ("/jobs/{job_id}", "delete"),
    ("/jobs/{job_id}/events", "get"),
    ("/jobs/{job_id}/report.json", "get"),
    ("/jobs/{job_id}/report.pdf", "get"),
    ("/jobs/{job_id}/evidence/{name}.png", "get"),
    ("/jobs/{job_id}/video", "get"),
    ("/limits", "get"),
    ("/livez", "get"),
    ("/readyz", "get"),
    ("/metrics", "get"),
}


def document():
    return create_app(ServiceSettings()).openapi()


def test_the_document_names_every_route():
    described = document()
    found = {(path, verb) for path, verbs in described["paths"].items() for verb in verbs}
    assert found == ROUTES
    for verbs in described["paths"].values():
        for verb in verbs.values():
            assert verb["responses"]["429"]["content"]["application/json"]
            assert verb["responses"]["429"]["headers"]["Retry-After"]
            assert verb["security"] == [{"HTTPBearer": []}, {"APIKeyHeader": []}]


def verbs_of(described):
    return [verb for verbs in described["paths"].values() for verb in verbs.values()]


def named(described, schema):
    schemas = described["components"]["schemas"]
    return schemas[schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema


def test_every_parameter_has_words_and_an_example():
    for verb in verbs_of(document()):
        for parameter in verb.get("parameters", ()):
            assert parameter["description"], parameter
            assert parameter["schema"].get("examples"), parameter


def test_every_field_of_a_form_has_words_and_an_example():
    described = document()
    bodies = [verb["requestBody"] for verb in verbs_of(described) if "requestBody" in verb]
    assert bodies
    for body in bodies:
        form = named(described, body["content"]["multipart/form-data"]["schema"])
        for name, field in form["properties"].items():
            assert field["description"], name
            assert field.get("examples") or name in ("file", "files"), name


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
def test_every_answer_has_an_example(kind):
    described = document()
    answers = [answer for verb in verbs_of(described) for answer in verb["responses"].values()]
    shown = [answer["content"][kind] for answer in answers if kind in answer.get("content", {})]
    assert shown
    for content in shown:
        assert content.get("example") or named(described, content["schema"]).get("examples")


def test_webhooks_are_described_as_they_are_sent():
    sent = document()["webhooks"]["job-ended"]["post"]
    headers = {parameter["name"] for parameter in sent["parameters"]}
    assert headers == {"Unmask-Timestamp", "Unmask-Signature", "Unmask-Delivery"}
    (example,) = schemas.JobEndedEvent.model_config["json_schema_extra"]["examples"]
    schemas.JobEndedEvent.model_validate(example)


def test_every_example_is_one():
    for kind in (
        schemas.JobAccepted,
        schemas.BatchAccepted,
        schemas.JobDetail,
        schemas.JobList,
        schemas.JobDeleted,
    ):
        for example in kind.model_config["json_schema_extra"]["examples"]:
            kind.model_validate(example)
    report = Report.model_validate(schemas.REPORT_EXAMPLE)
    assert report.people
    assert report.evidence
    event, data = schemas.EVENT_EXAMPLE.strip().split("\n")
    assert event == "event: job"
    schemas.JobDetail.model_validate_json(data.removeprefix("data: "))


@pytest.mark.services
@pytest.mark.slow
def test_schemathesis_finds_no_answer_that_the_document_does_not_allow(office, working, served):
    """Twenty requests for each route, sensible and not, always the same."""
    from hypothesis import HealthCheck, Phase, given, settings, strategies
    from schemathesis import checks
    from schemathesis.specs.openapi import checks as documented

    desk = office(max_queued=10_000, submits_per_minute=10**6, requests_per_minute=10**6)
    with working(desk):
        ended = desk.until(desk.submit("ok"))["job_id"]
    base = served(desk)
    held = (
        checks.not_a_server_error,
        documented.status_code_conformance,
        documented.content_type_conformance,
        documented.response_schema_conformance,
    )
    seen = set()

    @settings(
        max_examples=20,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=strategies.data(), sensible=strategies.booleans())
    def ask(operation, data, sensible):
        case = data.draw(operation.as_strategy())
        if sensible and "job_id" in (case.path_parameters or {}):
            job_id = desk.submit() if operation.method.upper() == "DELETE" else ended
            case.path_parameters["job_id"] = job_id
        if sensible and "name" in (case.path_parameters or {}):
            case.path_parameters["name"] = "frame-1"
        if sensible and operation.path in ("/analyze-video", "/predict"):
            case.body, case.media_type = {"file": b"film"}, "multipart/form-data"
            case.headers.pop("idempotency-key", None)
        answer = case.call(base_url=base)
        case.validate_response(answer, checks=held)
        seen.add((operation.path, operation.method.lower(), answer.status_code))

    schema = schemathesis.openapi.from_url(f"{base}/openapi.json")
    for result in schema.get_all_operations():
        operation = result.ok()
        ask(operation=operation)
    assert {(path, verb) for path, verb, status in seen if status < 300} == ROUTES
