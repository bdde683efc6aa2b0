"""Values with which the Helm chart is rendered."""

from pathlib import Path

CHART = Path(__file__).resolve().parents[2] / "deploy/chart"
MINIMAL = {"storage": {"url": "s3://videos/unmask"}}
FULL = {
    **MINIMAL,
    "autoscaling": {"enabled": True},
    "metrics": {
        "serviceMonitor": True,
        "rules": True,
        "dashboard": True,
        "labels": {"release": "monitoring"},
    },
    "image": {"repository": "registry.example.org/unmask", "digest": f"sha256:{'0' * 64}"},
    "imagePullSecrets": [{"name": "registry"}],
    "settings": {
        "UNMASK_MAX_PIXELS": 33_177_600,
        "UNMASK_POLL_S": 0.5,
        "UNMASK_WEBHOOK_PRIVATE": True,
        "UNMASK_IMPORT_BUCKETS": "raw,archive/2026",
    },
    "secrets": {"reportKey": "unmask-report-key"},
    "trustConfigMap": "unmask-trust",
    "ingress": {
        "enabled": True,
        "host": "unmask.example.org",
        "className": "nginx",
        "tlsSecret": "unmask-tls",
        "annotations": {"nginx.ingress.kubernetes.io/proxy-body-size": "8g"},
    },
    "serviceAccount": {"annotations": {"example.org/role": "reader"}},
    "worker": {
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "spot", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
    },
}
