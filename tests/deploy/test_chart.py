"""The chart renders valid Kubernetes objects that agree with the code that they start."""

import json
import re
from importlib.util import find_spec
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

import unmask
from bento.__main__ import app as administration
from bento.api.route_paths import METRICS_PATH, PROBE_PATHS
from bento.service import STOP_DEADLINE_S
from bento.settings import MIB, PREFIX, ServiceSettings
from bento.worker.embedded import STOP_TIMEOUT_S
from tests.deploy.chart_values import CHART, FULL, MINIMAL

DOCKERFILE = (Path(__file__).resolve().parents[2] / "Dockerfile").read_text().replace("\\\n", " ")
# what the operators of Prometheus and KEDA define; their tests are below
CUSTOM = ("PrometheusRule", "ScaledObject", "ServiceMonitor")
DEPLOYMENTS = (("Deployment", "unmask-service"), ("Deployment", "unmask-worker"))
JOB = ("Job", "unmask-migrations")
# of chart and code: the chart itself sets these, from its other values
OWN_SETTINGS = {
    *("folder", "database", "queue", "secret", "storage", "s3_endpoint", "api_keys_file"),
    *("rate_limit_store", "report_key_file", "c2pa_trust_file"),
}
UNITS = {"Mi": MIB, "Gi": 1024 * MIB}


def pod(item):
    return item["spec"]["template"]["spec"]


def container(item):
    (only,) = pod(item)["containers"]
    return only


def plain_variables(item):
    return {entry["name"]: entry["value"] for entry in container(item)["env"] if "value" in entry}


def secret_variables(item):
    return {
        entry["name"]: entry["valueFrom"]["secretKeyRef"]
        for entry in container(item)["env"]
        if "valueFrom" in entry
    }


def image_variables():
    pairs = " ".join(re.findall(r"^ENV (.*)$", DOCKERFILE, re.MULTILINE)).split()
    return dict(pair.split("=", 1) for pair in pairs)


def matches(selector, item):
    labels = item["spec"]["template"]["metadata"]["labels"]
    return selector.items() <= labels.items()


def size_bytes(quantity):
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", quantity).groups()
    return int(number) * UNITS[unit]


@pytest.mark.parametrize("values", [MINIMAL, FULL], ids=["minimal", "full"])
def test_helm_finds_nothing_to_complain_of(helm, values):
    report = helm.lint(CHART, values, strict=True)
    assert report["total_charts_linted"] == 1
    assert report["errors"] == []
    assert [note["error"] for note in report["messages"]] == ["icon is recommended"]


@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_every_object_is_valid_in_the_oldest_and_the_newest_kubernetes(full, minimal, version):
    objects = [*minimal.values(), *full.values()]
    built_in = [item for item in objects if item["kind"] not in CUSTOM]
    assert len(built_in) >= 16
    for item in built_in:
        assert kubernetes_validate.validate(item, version, strict=True) == version


def test_an_object_with_an_unknown_field_is_not_valid(minimal):
    broken = json.loads(json.dumps(minimal[DEPLOYMENTS[0]]))
    container(broken)["readinesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readinesProbe"):
        kubernetes_validate.validate(broken, "1.37", strict=True)


def test_chart_has_the_version_of_the_package():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == unmask.__version__


def test_default_installation_needs_no_operator(minimal):
    assert {kind for kind, _ in minimal} == {
        *("Deployment", "Job", "NetworkPolicy", "PodDisruptionBudget", "Service"),
        "ServiceAccount",
    }
    assert minimal[DEPLOYMENTS[1]]["spec"]["replicas"] == 2


def test_two_releases_have_no_object_in_common(render, minimal):
    other = render(MINIMAL, name="staging")
    assert set(minimal).isdisjoint(other)
    assert ("Deployment", "staging-unmask-worker") in other


def test_every_variable_is_one_that_the_code_reads(full):
    known = {PREFIX + field.upper() for field in ServiceSettings.model_fields}
    known |= {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"}  # botocore
    for key in (*DEPLOYMENTS, JOB):
        names = [entry["name"] for entry in container(full[key])["env"]]
        assert len(names) == len(set(names)) >= 8
        assert set(names) <= known


def test_settings_of_the_values_are_those_of_the_code():
    schema = json.loads((CHART / "values.schema.json").read_text())
    listed = schema["properties"]["settings"]["propertyNames"]["enum"]
    fields = ServiceSettings.model_fields.keys() - OWN_SETTINGS
    assert set(listed) == {PREFIX + field.upper() for field in fields}


def test_settings_are_read_as_they_are_meant(full):
    variables = plain_variables(full[DEPLOYMENTS[0]])
    secrets = {"UNMASK_QUEUE": "redis://q/0", "UNMASK_DATABASE": "postgresql://u@db/unmask"}
    settings = ServiceSettings.from_environment({**variables, **secrets})
    assert settings.max_pixels == 33_177_600
    assert settings.poll_s == 0.5
    assert settings.webhook_private is True
    assert settings.import_buckets == ("raw", "archive/2026")
    assert settings.max_connections_per_address == 4096
    assert settings.storage == "s3://videos/unmask"
    assert settings.api_keys_file == Path("/keys/api_keys")


def test_passwords_come_from_secrets_that_the_chart_does_not_hold(full):
    assert "Secret" not in {kind for kind, _ in full}
    for key in (*DEPLOYMENTS, JOB):
        references = secret_variables(full[key])
        required = {name for name, source in references.items() if not source.get("optional")}
        assert required == {"UNMASK_DATABASE", "UNMASK_QUEUE"}
        assert references.keys() - required == {
            *("UNMASK_RATE_LIMIT_STORE", "UNMASK_SECRET"),
            *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "url"),
        ({"storage": {"url": "/srv/videos"}}, "url"),
        ({**MINIMAL, "settings": {"UNMASK_MAX_UPLOAD": 1}}, "UNMASK_MAX_UPLOAD"),
        ({**MINIMAL, "settings": {"UNMASK_DATABASE": "postgresql://"}}, "UNMASK_DATABASE"),
        ({**MINIMAL, "settings": {"UNMASK_RATE_LIMIT_STORE": "redis://r"}}, "RATE_LIMIT_STORE"),
        ({**MINIMAL, "ingress": {"enabled": True}}, "host"),
        ({**MINIMAL, "ingress": {"enabled": True, "host": "https://example.org"}}, "host"),
        ({**MINIMAL, "autoscalling": {"enabled": True}}, "autoscalling"),
        ({**MINIMAL, "networkPolicy": {"clients": []}}, "clients"),
        ({**MINIMAL, "image": {"digest": "sha256:abc"}}, "digest"),
        ({**MINIMAL, "worker": {"replicas": "2"}}, "replicas"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(helm, values, message):
    with helm.Chart.load(CHART) as chart, pytest.raises(helm.HelmValuesError, match=message):
        chart.validate_schema(values)


@pytest.mark.parametrize("key", [*DEPLOYMENTS, JOB], ids=["service", "worker", "migrations"])
def test_pods_meet_the_restricted_standard_with_a_read_only_root(full, key):
    spec, only = pod(full[key]), container(full[key])
    assert spec["securityContext"]["runAsNonRoot"] is True
    uid = spec["securityContext"]["runAsUser"]
    assert f"--uid {uid} " in DOCKERFILE
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    writable = {
        mount["mountPath"]
        for mount in only["volumeMounts"]
        if "emptyDir" in volumes[mount["name"]] and not mount.get("readOnly")
    }
    assert writable == {"/var/lib/unmask", "/tmp"}
    # the owner of a mounted volume is root, and the service takes rights of others from its folder
    folder = Path(plain_variables(full[key])["UNMASK_FOLDER"])
    assert folder.parent == Path("/var/lib/unmask")
    homes = ("HOME", "BENTOML_HOME", "MPLCONFIGDIR", "NUMBA_CACHE_DIR")
    assert all(image_variables()[name].startswith("/var/lib/unmask") for name in homes)


def test_containers_start_what_exists(full):
    image = json.loads(re.search(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)[1])
    assert container(full[DEPLOYMENTS[0]])["args"] == image
    assert container(full[DEPLOYMENTS[1]])["args"] == ["python", "-m", "bento.worker"]
    assert find_spec("bento.worker.__main__") is not None
    assert container(full[JOB])["args"] == ["python", "-m", "bento", "migrate"]
    assert "migrate" in {command.name for command in administration.registered_commands}


@pytest.mark.parametrize("key", DEPLOYMENTS, ids=["service", "worker"])
def test_service_and_workers_read_the_key_of_reports_and_the_trusted_certificates(full, key):
    variables = plain_variables(full[key])
    settings = ServiceSettings.from_environment(variables)
    volumes = {volume["name"]: volume for volume in pod(full[key])["volumes"]}
    mounts = {mount["mountPath"]: mount for mount in container(full[key])["volumeMounts"]}
    sources = {"secret": settings.report_key_file, "configMap": settings.c2pa_trust_file}
    for kind, path in sources.items():
        mount = mounts[str(path.parent)]
        assert mount["readOnly"] is True
        assert [item["path"] for item in volumes[mount["name"]][kind]["items"]] == [path.name]
    assert volumes["report-key"]["secret"]["secretName"] == "unmask-report-key"
    assert volumes["trust"]["configMap"]["name"] == "unmask-trust"


def test_by_default_the_key_of_reports_is_in_the_database(minimal):
    for key in DEPLOYMENTS:
        variables = plain_variables(minimal[key])
        assert not {"UNMASK_REPORT_KEY_FILE", "UNMASK_C2PA_TRUST_FILE"} & variables.keys()


def test_the_ingress_leads_to_the_service_on_a_host_of_its_own(full, render):
    ingress = full["Ingress", "unmask"]
    assert ingress["metadata"]["annotations"] == FULL["ingress"]["annotations"]
    spec = ingress["spec"]
    assert spec["ingressClassName"] == "nginx"
    assert spec["tls"] == [{"hosts": ["unmask.example.org"], "secretName": "unmask-tls"}]
    (rule,) = spec["rules"]
    assert rule["host"] == "unmask.example.org"
    (path,) = rule["http"]["paths"]
    backend = path["backend"]["service"]
    ports = full["Service", backend["name"]]["spec"]["ports"]
    assert backend["port"]["name"] in {port["name"] for port in ports}
    plain = render({**MINIMAL, "ingress": {"enabled": True, "host": "localhost"}})
    assert plain["Ingress", "unmask"]["spec"].keys() == {"rules"}


def test_ports_and_probes_are_those_of_the_service(full):
    only = container(full[DEPLOYMENTS[0]])
    assert only["ports"] == [{"name": "http", "containerPort": 3000}]
    assert re.search(r"^EXPOSE 3000$", DOCKERFILE, re.MULTILINE)
    assert "3000" in only["args"]
    paths = {
        kind: only[f"{kind}Probe"]["httpGet"]["path"]
        for kind in ("startup", "liveness", "readiness")
    }
    assert paths == {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}
    assert all(PROBE_PATHS.fullmatch(path) for path in paths.values())
    assert full["Service", "unmask"]["spec"]["ports"] == [
        {"name": "http", "port": 80, "targetPort": "http"}
    ]


def test_pods_get_the_time_that_stopping_takes(full):
    service, worker = (full[key] for key in DEPLOYMENTS)
    sleep_s = container(service)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod(service)["terminationGracePeriodSeconds"] >= sleep_s + STOP_DEADLINE_S + 5
    assert pod(worker)["terminationGracePeriodSeconds"] >= STOP_TIMEOUT_S + 5


def test_containers_have_the_memory_and_disk_that_a_job_may_take(minimal):
    settings = ServiceSettings()
    needed = (settings.job_memory_mib + 512) * MIB
    for key in DEPLOYMENTS:
        assert size_bytes(container(minimal[key])["resources"]["limits"]["memory"]) >= needed
        volumes = {volume["name"]: volume for volume in pod(minimal[key])["volumes"]}
        scratch = size_bytes(volumes["scratch"]["emptyDir"]["sizeLimit"])
        assert scratch >= (settings.max_batch_mib + settings.min_free_mib) * MIB


def test_selectors_find_their_pods_and_no_others(full):
    service, worker = (full[key] for key in DEPLOYMENTS)
    for item in (service, worker):
        assert matches(item["spec"]["selector"]["matchLabels"], item)
    assert not matches(service["spec"]["selector"]["matchLabels"], worker)
    for_service = (
        full["Service", "unmask"]["spec"]["selector"],
        full["PodDisruptionBudget", "unmask-service"]["spec"]["selector"]["matchLabels"],
        full["NetworkPolicy", "unmask-service"]["spec"]["podSelector"]["matchLabels"],
    )
    assert all(matches(selector, service) for selector in for_service)
    assert not any(
        matches(selector, other) for selector in for_service for other in (worker, full[JOB])
    )
    everyone = full["NetworkPolicy", "unmask"]["spec"]["podSelector"]["matchLabels"]
    assert all(matches(everyone, full[key]) for key in (*DEPLOYMENTS, JOB))


def test_nobody_reaches_the_workers_and_the_pods_reach_only_what_is_listed(full):
    policy = full["NetworkPolicy", "unmask"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policy
    ports = [port["port"] for rule in policy["egress"] for port in rule["ports"]]
    assert ports == [53, 53, 5432, 6379, 443]
    (rule,) = full["NetworkPolicy", "unmask-service"]["spec"]["ingress"]
    assert rule == {"from": [{"podSelector": {}}], "ports": [{"port": "http"}]}


def test_migrations_run_before_the_pods_of_a_new_version(full):
    assert full[JOB]["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    # on the first installation the account of the chart does not exist yet
    assert "serviceAccountName" not in pod(full[JOB])
    assert pod(full[DEPLOYMENTS[0]])["serviceAccountName"] == "unmask"


def test_workers_follow_queued_and_running_jobs(full):
    worker = full[DEPLOYMENTS[1]]
    assert "replicas" not in worker["spec"]
    scaler = full["ScaledObject", "unmask-worker"]
    assert scaler["apiVersion"] == "keda.sh/v1alpha1"
    spec = scaler["spec"]
    assert spec["scaleTargetRef"] == {"name": worker["metadata"]["name"]}
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (1, 10)
    own = 'namespace="prod",service="unmask"'
    assert {trigger["name"]: trigger["metadata"] for trigger in spec["triggers"]} == {
        "queued": {
            "serverAddress": "http://prometheus-operated.monitoring:9090",
            "query": f"max(unmask_queue_length{{{own}}})",
            "threshold": "4",
            "ignoreNullValues": "false",
        },
        "running": {
            "serverAddress": "http://prometheus-operated.monitoring:9090",
            "query": f'max(unmask_jobs{{{own},status="running"}})',
            "threshold": "1",
            "ignoreNullValues": "false",
        },
    }


def test_prometheus_reads_the_metrics_with_an_operators_key(full):
    monitor = full["ServiceMonitor", "unmask"]
    assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
    assert monitor["metadata"]["labels"]["release"] == "monitoring"
    labels = full["Service", "unmask"]["metadata"]["labels"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert monitor["spec"]["endpoints"] == [
        {
            "port": "http",
            "path": METRICS_PATH,
            "interval": "30s",
            "authorization": {"credentials": {"name": "unmask-metrics-key", "key": "key"}},
        }
    ]


def test_image_is_named_by_its_digest_or_the_version(full, minimal):
    assert container(full[DEPLOYMENTS[0]])["image"] == (
        f"registry.example.org/unmask@sha256:{'0' * 64}"
    )
    assert container(minimal[JOB])["image"] == f"unmask:{unmask.__version__}"
