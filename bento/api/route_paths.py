"""Paths that middleware and error handlers treat specially."""

import re

ID_PATTERN = "^[0-9a-f]{32}$"  # of jobs and batches
FRONTEND_PATH = "/app"
PREDICT_PATH = "/predict"
ANALYZE_PATH = "/analyze-video"
BATCH_PATH = "/batch"
METRICS_PATH = "/metrics"  # of all tenants: for operators
LIMITS_PATH = "/limits"
SUBMISSION_PATHS = (ANALYZE_PATH, BATCH_PATH, PREDICT_PATH)
REPORT_KEYS_PATH = "/report-keys.pem"
# served without an API key
PUBLIC_PATHS = re.compile(r"/(app(/.*)?|docs(/.*)?|openapi\.json|schema\.json|report-keys\.pem)")
PROBE_PATHS = re.compile(r"/(livez|readyz)")  # the same, and without a rate limit
# served with an API key or a signed URL
SIGNED_PATHS = re.compile(r"/jobs/[0-9a-f]{32}/(video|evidence/[A-Za-z0-9_-]{1,80}\.png)")
