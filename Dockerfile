# Container image of service and worker, with the detector that the Bento holds. The build context is the
# packed Bento and not the checkout: `make image`, or
#   docker build --tag unmask:latest --file Dockerfile "$(bentoml get unmask:latest --output path)"

FROM python:3.11.13-slim-bookworm@sha256:86adf8dbadc3d6e82ee5dd2c74bec2e1c2467cdad47886280501df722372d2e1 AS base

# packages are built here, if at all; neither pip's files nor a compiler reach the image
FROM base AS packages
COPY env/python/requirements.txt /tmp/requirements.txt
RUN python -m venv /opt/packages \
    && /opt/packages/bin/pip install --no-cache-dir --disable-pip-version-check \
        --require-hashes --requirement /tmp/requirements.txt

FROM base

COPY --from=packages /opt/packages /opt/packages
ENV PATH=/opt/packages/bin:$PATH

# a named volume takes over the owner of the directory on which it is mounted first
RUN useradd --system --uid 10001 --no-create-home --home-dir /var/lib/unmask unmask \
    && install --directory --owner unmask --mode 0700 /var/lib/unmask /keys

COPY . /opt/unmask
# BentoML writes folders that only their owner may read
RUN chmod --recursive a+rX /opt/unmask && python -m compileall -q /opt/unmask/src
WORKDIR /opt/unmask/src

# everything that is written at run time lies under /var/lib/unmask, so that the root file system can be read-only
ENV HOME=/var/lib/unmask \
    UNMASK_FOLDER=/var/lib/unmask \
    BENTOML_HOME=/var/lib/unmask/bentoml \
    MPLCONFIGDIR=/var/lib/unmask/matplotlib \
    NUMBA_CACHE_DIR=/var/lib/unmask/numba \
    BENTOML_DO_NOT_TRACK=true \
    DO_NOT_TRACK=true \
    HF_HUB_DISABLE_TELEMETRY=true \
    PYTHONUNBUFFERED=1

# a number, by which Kubernetes sees that it is not root
USER 10001
EXPOSE 3000
# of the service; a worker has no port
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s --retries=6 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:3000/readyz', timeout=5)"]
CMD ["bentoml", "serve", "bento.service:UnmaskService", "--host", "0.0.0.0", "--port", "3000"]
