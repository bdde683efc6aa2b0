"""The OpenAPI document and the service agree; Schemathesis sends requests and checks responses."""

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from bento.api import examples, schemas
from bento.api.app import create_app
from bento.settings import ServiceSettings
from bento.webhooks.payload import JobEndedEvent
from unmask.serving.report.schema import Report

schemathesis = pytest.importorskip("schemathesis")

OPERATIONS = {
    ("/predict", "post"),
    ("/analyze-video", "post"),
    ("/batch", "post"),
    ("/jobs", "get"),
    ("/jobs", "delete"),
    ("/jobs/export", "get"),
    ("/jobs/{job_id}", "get"),
    ("/jobs/{job_id}", "delete"),
    ("/jobs/{job_id}/events", "get"),
    ("/jobs/{job_id}/report.json", "get"),
    ("/jobs/{job_id}/report.pdf", "get"),
    ("/jobs/{job_id}/evidence/{name}.png", "get"),
    ("/jobs/{job_id}/video", "get"),
    ("/limits", "get"),
    ("/report-keys.pem", "get"),
    ("/livez", "get"),
    ("/readyz", "get"),
    ("/metrics", "get"),
}


@pytest.fixture(scope="module")
def document():
    return create_app(ServiceSettings()).openapi()


def operations_of(document):
    return [item for methods in document["paths"].values() for item in methods.values()]


def resolve(document, schema):
    if "$ref" not in schema:
        return schema
    return document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]


def test_document_lists_every_operation(document):
    paths = document["paths"].items()
    assert {(path, method) for path, methods in paths for method in methods} == OPERATIONS
    for operation in operations_of(document):
        rate_limited = operation["responses"]["429"]
        assert rate_limited["content"]["application/problem+json"]
        assert rate_limited["headers"]["Retry-After"]
        assert operation["security"] == [{"HTTPBearer": []}, {"APIKeyHeader": []}]


def test_document_is_valid(document):
    OpenAPIV31SpecValidator(document).validate()


def test_document_names_licence_server_tags_and_operations(document):
    assert document["info"]["license"]["identifier"] == "Apache-2.0"
    assert [server["url"] for server in document["servers"]] == ["/v1"]
    below = create_app(ServiceSettings(root_path="/unmask")).openapi()
    assert [server["url"] for server in below["servers"]] == ["/unmask/v1"]
    tags = {tag["name"] for tag in document["tags"]}
    webhook = document["webhooks"]["job-ended"]["post"]
    assert {tag for item in (*operations_of(document), webhook) for tag in item["tags"]} == tags
    names = [operation["operationId"] for operation in operations_of(document)]
    assert len(set(names)) == len(names)
    assert {"analyze_video", "analyze_batch", "get_job", "get_report"} <= set(names)


def nodes_of(node):
    """Yield every object of a document that is not inside an example."""
    if isinstance(node, dict):
        yield node
        node = [item for key, item in node.items() if key not in ("example", "examples")]
    if isinstance(node, list):
        for item in node:
            yield from nodes_of(item)


def examples_of(document):
    """Yield schema and value of each example."""
    for node in nodes_of(document):
        if "example" in node:  # of a media type or a header
            yield node["schema"], node["example"]
        for value in node.get("examples", ()):  # of a schema
            yield node, value


def test_every_example_fits_its_schema(document):
    components = {"components": document["components"]}  # which references point into
    pairs = list(examples_of(document))
    assert len(pairs) > 50
    errors = [
        (error.json_path, error.message, value)
        for schema, value in pairs
        for error in Draft202012Validator(schema | components).iter_errors(value)
    ]
    assert errors == []


def test_tuples_are_arrays_with_items(document):
    arrays = [node for node in nodes_of(document) if node.get("type") == "array"]
    assert len(arrays) > 20
    assert all("items" in node and "prefixItems" not in node for node in arrays)
    interval = document["components"]["schemas"]["ReportedVerdicts"]["properties"]["fpr_interval"]
    assert (interval["minItems"], interval["maxItems"]) == (2, 2)


def test_every_parameter_has_a_description_and_an_example(document):
    for operation in operations_of(document):
        for parameter in operation.get("parameters", ()):
            assert parameter["description"], parameter
            assert parameter["schema"].get("examples"), parameter


def test_every_form_field_has_a_description_and_an_example(document):
    bodies = [item["requestBody"] for item in operations_of(document) if "requestBody" in item]
    assert len(bodies) == 3
    for body in bodies:
        form = resolve(document, body["content"]["multipart/form-data"]["schema"])
        for name, field in form["properties"].items():
            assert field["description"], name
            assert field.get("examples") or name in ("file", "files"), name


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/problem+json", "text/event-stream"]
)
def test_every_response_has_an_example(document, media_type):
    responses = [item for op in operations_of(document) for item in op["responses"].values()]
    contents = [
        response["content"][media_type]
        for response in responses
        if media_type in response.get("content", {})
    ]
    assert contents
    for content in contents:
        assert content.get("example") or resolve(document, content["schema"]).get("examples")


def test_webhook_is_documented_as_it_is_sent(document):
    operation = document["webhooks"]["job-ended"]["post"]
    headers = {parameter["name"] for parameter in operation["parameters"]}
    assert headers == {
        *("webhook-id", "webhook-timestamp", "webhook-signature"),
        *("Unmask-Timestamp", "Unmask-Signature", "Unmask-Delivery"),
    }
    (example,) = JobEndedEvent.model_config["json_schema_extra"]["examples"]
    JobEndedEvent.model_validate(example)


@pytest.mark.parametrize(
    "model",
    [
        schemas.Problem,
        schemas.JobAccepted,
        schemas.BatchAccepted,
        schemas.JobDetail,
        schemas.JobList,
        schemas.JobDeleted,
        schemas.JobsDeleted,
        schemas.JobExport,
    ],
)
def test_examples_are_valid(model):
    (example,) = model.model_config["json_schema_extra"]["examples"]
    model.model_validate(example)


def test_example_report_and_event_are_valid():
    report = Report.model_validate(examples.REPORT)
    assert report.people
    assert report.evidence
    event, data = examples.JOB_EVENT.strip().split("\n")
    assert event == "event: job"
    schemas.JobDetail.model_validate_json(data.removeprefix("data: "))


@pytest.mark.services
@pytest.mark.slow
def test_every_response_conforms_to_the_document(make_service, running_worker, live_server):
    """Send twenty valid and invalid requests to each operation, the same in every run."""
    from hypothesis import HealthCheck, Phase, given, settings, strategies
    from schemathesis import checks
    from schemathesis.specs.openapi import checks as openapi_checks

    service = make_service(max_queued=10_000, submits_per_minute=10**6, requests_per_minute=10**6)
    with running_worker(service):
        done = service.wait_for(service.submit("ok"))["job_id"]
    base_url = live_server(service)
    applied_checks = (
        checks.not_a_server_error,
        openapi_checks.status_code_conformance,
        openapi_checks.content_type_conformance,
        openapi_checks.response_schema_conformance,
    )
    outcomes = set()

    @settings(
        max_examples=20,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=strategies.data(), valid=strategies.booleans())
    def send(operation, data, valid):
        case = data.draw(operation.as_strategy())
        if valid and "job_id" in (case.path_parameters or {}):
            job_id = service.submit() if operation.method.upper() == "DELETE" else done
            case.path_parameters["job_id"] = job_id
        if valid and "name" in (case.path_parameters or {}):
            case.path_parameters["name"] = "frame-1"
        if valid and operation.path in ("/analyze-video", "/predict"):
            case.body, case.media_type = {"file": b"video"}, "multipart/form-data"
            case.headers.pop("idempotency-key", None)
        response = case.call(base_url=base_url)
        case.validate_response(response, checks=applied_checks)
        outcomes.add((operation.path, operation.method.lower(), response.status_code))

    schema = schemathesis.openapi.from_url(f"{base_url}/openapi.json")
    for result in schema.get_all_operations():
        operation = result.ok()
        send(operation=operation)
    assert {(path, method) for path, method, status in outcomes if status < 300} == OPERATIONS
