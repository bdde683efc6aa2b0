"""The Helm chart, rendered by Helm's own engine."""

import pytest
import yaml

from tests.deploy.chart_values import CHART, FULL, MINIMAL


@pytest.fixture(scope="session")
def helm():
    # there is no wheel for Macs with Intel processors
    return pytest.importorskip("helm_python", reason="Helm's engine has no wheel for this machine")


@pytest.fixture(scope="session")
def render(helm):
    """Return a function that renders the chart with values, as objects by kind and name."""

    def render(values, name="unmask", namespace="prod"):
        with helm.Chart.load(CHART) as chart:
            chart.validate_schema(values)
            texts = chart.render(values, name=name, namespace=namespace)
        files = [text for path, text in sorted(texts.items()) if path.endswith(".yaml")]
        objects = [item for text in files for item in yaml.safe_load_all(text) if item]
        return {(item["kind"], item["metadata"]["name"]): item for item in objects}

    return render


@pytest.fixture(scope="session")
def minimal(render):
    return render(MINIMAL)


@pytest.fixture(scope="session")
def full(render):
    return render(FULL)
