"""The application factory: middleware, routes and error handlers."""

from fastapi import Depends, FastAPI
from fastapi.security import APIKeyHeader, HTTPBearer

from bento.api.api_version import VERSION_PREFIX, ApiVersionMiddleware
from bento.api.error_handlers import register_error_handlers
from bento.api.middleware.admission import AdmissionMiddleware
from bento.api.middleware.auth import ApiKeyAuth
from bento.api.middleware.body_limit import BodySizeLimitMiddleware
from bento.api.middleware.capacity_cache import CapacityCheck
from bento.api.middleware.rate_limit import RateLimiter
from bento.api.middleware.shared_rate_limit import RedisLimiter
from bento.api.middleware.tenant_quota import TenantQuotaMiddleware
from bento.api.openapi import DOCUMENT, SERVER, DocumentedApi
from bento.api.routes import (
    artifacts,
    bentoml_schema,
    docs,
    frontend,
    health,
    job_selection,
    jobs,
    limits,
    predict,
    report_keys,
    submissions,
)
from bento.security.api_keys import ApiKeyStore
from bento.settings import ServiceSettings
from unmask import __version__

ROUTERS = (
    predict,
    docs,
    bentoml_schema,
    submissions,
    job_selection,  # before `/jobs/{job_id}`
    jobs,
    artifacts,
    report_keys,
    limits,
    health,
    frontend,
)
# only documented here: AdmissionMiddleware checks the key before the body is read
API_KEY_SCHEMES = (
    HTTPBearer(auto_error=False, description="An API key; not needed while none exists."),
    APIKeyHeader(name="X-API-Key", auto_error=False, description="The same key as a header."),
)


def create_app(settings: ServiceSettings) -> FastAPI:
    """Create the application.

    Before the first request, the caller sets ``app.state.context``, a
    :class:`bento.api.dependencies.RequestContext`, and ``app.state.analyzer``, a
    :class:`bento.api.dependencies.AnalyzerProtocol`.
    """
    # FastAPI's own documentation page would load scripts from a CDN
    app = DocumentedApi(
        title="unmask",
        version=__version__,
        **DOCUMENT,
        docs_url=None,
        redoc_url=None,
        servers=[{"url": f"{settings.root_path}{VERSION_PREFIX}", "description": SERVER}],
        root_path_in_servers=False,
        generate_unique_id_function=lambda route: route.name,
        dependencies=[Depends(scheme) for scheme in API_KEY_SCHEMES],
    )

    _add_middleware(app, settings)
    for module in ROUTERS:
        app.include_router(module.router)
    app.webhooks.include_router(docs.webhooks)
    register_error_handlers(app)
    return app


def _create_rate_limiter(settings: ServiceSettings) -> RateLimiter:
    store = settings.rate_limit_store
    shared = RedisLimiter(store) if store else None
    return RateLimiter(settings.requests_per_minute, settings.submits_per_minute, shared)


def _add_middleware(app: FastAPI, settings: ServiceSettings) -> None:
    """Add what checks a request before its body is read; the last one added runs first."""

    def available_capacity(tenant: str, idempotency_key: str | None) -> int:
        return int(app.state.context.services.jobs.available_capacity(tenant, idempotency_key))

    def require_room(arriving_bytes: int) -> None:
        if (context := getattr(app.state, "context", None)) is not None:  # it may be starting
            context.disk_floor.require_room(arriving_bytes)

    def require_quota(tenant: str, arriving_bytes: int) -> None:
        if (context := getattr(app.state, "context", None)) is not None:
            context.services.jobs.require_quota(tenant, arriving_bytes)

    app.add_middleware(
        TenantQuotaMiddleware,
        require_quota=require_quota,
        unknown_bytes=settings.max_upload_bytes,
    )
    app.add_middleware(
        BodySizeLimitMiddleware,
        max_mib=settings.max_upload_mib,
        max_batch_mib=settings.max_batch_mib,
        require_room=require_room,
    )
    app.add_middleware(
        AdmissionMiddleware,
        auth=ApiKeyAuth(ApiKeyStore(settings.api_keys_file)),
        rate_limiter=_create_rate_limiter(settings),
        capacity=CapacityCheck(available_capacity),
    )
    app.add_middleware(ApiVersionMiddleware)
