# Container image for the steps of the pipelines on a cluster. The build context is made by `make training-image`: the
# committed files and requirements.txt, the pinned packages that the pipelines import.

FROM python:3.11.13-slim-bookworm@sha256:86adf8dbadc3d6e82ee5dd2c74bec2e1c2467cdad47886280501df722372d2e1 AS base

# packages are built here, if at all; neither pip's files nor a compiler reach the image
FROM base AS packages
COPY requirements.txt /tmp/requirements.txt
RUN python -m venv /opt/packages \
    && /opt/packages/bin/pip install --no-cache-dir --disable-pip-version-check \
        --require-hashes --requirement /tmp/requirements.txt

FROM base

COPY --from=packages /opt/packages /opt/packages
ENV PATH=/opt/packages/bin:$PATH

RUN useradd --system --uid 10001 --no-create-home --home-dir /var/lib/unmask unmask \
    && install --directory --owner unmask --mode 0700 /var/lib/unmask

COPY . /app
WORKDIR /app
# DVC finds no git repository here
RUN dvc config --local core.no_scm true \
    && dvc config --local core.site_cache_dir /tmp/dvc \
    && dvc config --local cache.dir /app/data/dvc-cache \
    && chmod --recursive a+rX . \
    && install --directory --owner unmask --mode 0700 data outputs .dvc/tmp \
    && python -m compileall -q src steps pipelines

# the root file system can be read-only: data, outputs, .dvc/tmp, /var/lib/unmask and /tmp are volumes
ENV HOME=/var/lib/unmask \
    PYTHONPATH=/app/src:/app \
    ZENML_CONFIG_PATH=/var/lib/unmask/zenml \
    ZENML_CUSTOM_SOURCE_ROOT=/app \
    ZENML_ANALYTICS_OPT_IN=false \
    BENTOML_HOME=/app/outputs/bentoml \
    MPLCONFIGDIR=/tmp/matplotlib \
    NUMBA_CACHE_DIR=/tmp/numba \
    BENTOML_DO_NOT_TRACK=true \
    DVC_NO_ANALYTICS=true \
    DO_NOT_TRACK=true \
    GX_ANALYTICS_ENABLED=false \
    HF_HUB_DISABLE_TELEMETRY=true \
    MLFLOW_DISABLE_TELEMETRY=true \
    PYTHONUNBUFFERED=1

USER 10001
# a step ends by itself, and its exit status says how; there is nothing to probe
HEALTHCHECK NONE
CMD ["python", "-m", "pipelines", "--help"]
