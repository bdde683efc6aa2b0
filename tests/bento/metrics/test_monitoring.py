"""Alerts, dashboard and autoscaling ask for what `/metrics` has."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bento.settings import ServiceSettings

CHART = Path(__file__).resolve().parents[3] / "deploy/chart"
ALERTS = CHART / "monitoring/alerts.yaml"
RULES = yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((CHART / "monitoring/dashboard.json").read_text())
SCALER = (CHART / "templates/worker-autoscaler.yaml").read_text()
TARGET_LABELS = {"namespace", "service"}  # Prometheus adds them
COUNTER_SUFFIXES = ("_total", "_sum", "_count")
GRAFANA = {"$namespace": ".*", "$service": ".*", "$__rate_interval": "2m"}


def alert_queries():
    return {rule["alert"]: rule["expr"] for rule in RULES}


def panel_queries():
    queries = {}
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            text = target["expr"]
            for variable, value in GRAFANA.items():
                text = text.replace(variable, value)
            queries[f"{panel['title']}, {target['refId']}"] = text
    return queries


def scaler_queries():
    queries = re.findall(r"query: (.+)", SCALER)
    return {text: re.sub(r"\{\{.*?\}\}", 'namespace="prod"', text) for text in queries}


QUERIES = {**alert_queries(), **panel_queries(), **scaler_queries()}


def nodes(query):
    visited = []
    promql_parser.walk(promql_parser.parse(query), pre_visit=visited.append)
    return visited


def selectors(query):
    return [node for node in nodes(query) if isinstance(node, promql_parser.VectorSelector)]


@pytest.fixture
def exposed(make_service, running_worker):
    """Label sets of every sample of a service with a finished job, by the sample's name."""
    service = make_service()
    with running_worker(service):
        service.wait_for(service.submit("ok"))
    text = service.client.get("/metrics").text
    labels = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels.setdefault(sample.name, []).append(sample.labels)
    return labels


def test_there_are_queries_of_each_kind():
    assert len(alert_queries()) == len(RULES) == 7
    assert len(panel_queries()) >= 12
    assert len(scaler_queries()) == 2


def missing(exposed, query):
    """Yield the names, labels and label values of a query that the service does not have."""
    known = set(TARGET_LABELS)
    for selector in selectors(query):
        samples = exposed.get(selector.name)
        if samples is None:
            yield selector.name
            continue
        known.update(*samples)
        for matcher in selector.matchers.matchers:
            if matcher.name not in TARGET_LABELS:
                values = {labels.get(matcher.name) for labels in samples}
                yield from set(matcher.value.split("|")) - values
    for node in nodes(query):
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            yield from set(node.modifier.labels) - known


def test_queries_name_metrics_labels_and_values_that_exist(exposed):
    assert all(selectors(query) for query in QUERIES.values())
    gaps = {name: set(missing(exposed, query)) for name, query in QUERIES.items()}
    assert {name: gap for name, gap in gaps.items() if gap} == {}


@pytest.mark.parametrize(
    "query",
    [
        "max(unmask_queue)",
        "max by (tenant) (unmask_jobs)",
        'max(unmask_jobs{status="waiting"})',
        'rate(unmask_job_failures_total{kind=~"crash|hang"}[5m])',
    ],
)
def test_a_query_for_something_else_is_noticed(exposed, query):
    assert len(list(missing(exposed, query))) == 1


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_rates_are_of_counters_and_all_else_of_gauges(query):
    ranges = [
        node.vector_selector.name
        for node in nodes(query)
        if isinstance(node, promql_parser.MatrixSelector)
    ]
    assert all(name.endswith(COUNTER_SUFFIXES) for name in ranges)
    instants = {selector.name for selector in selectors(query)} - set(ranges)
    assert not any(name.endswith(COUNTER_SUFFIXES) for name in instants)


def test_every_metric_is_on_the_dashboard(exposed):
    shown = {selector.name for query in panel_queries().values() for selector in selectors(query)}
    assert shown == set(exposed)


def test_dashboard_has_no_overlapping_panels_and_no_second_id():
    cells, ids = set(), set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert x < 24
                assert (x, y) not in cells
                cells.add((x, y))
        ids.add(panel["id"])
    assert len(ids) == len(DASHBOARD["panels"])


def test_every_alert_says_what_happened_and_how_urgent_it_is():
    for rule in RULES:
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"].keys() == {"summary", "description"}


def test_limit_of_the_queue_alert_follows_the_default():
    limit = re.search(r"> (\d+)$", alert_queries()["UnmaskQueueAlmostFull"])[1]
    assert int(limit) == 0.8 * ServiceSettings().max_queued


@pytest.mark.services
def test_alerts_fire_when_they_should(tmp_path):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    cases = tmp_path / "cases.yaml"
    text = Path(__file__).with_name("alert_cases.yaml").read_text()
    cases.write_text(text.replace("RULE_FILE", str(ALERTS)))
    process = subprocess.run(
        [promtool, "test", "rules", cases], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stdout + process.stderr
