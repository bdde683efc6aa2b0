"""API-key authentication: which tenant sends a request."""

from starlette.datastructures import Headers

from bento.api.error_response import RequestRejected
from bento.security.api_keys import LOCAL, ApiKeyStore, hash_key

KEY_REQUIRED = "an API key is required; send it as `Authorization: Bearer <key>`"
OPERATOR_REQUIRED = (
    "an operator's key is required; create one with "
    "`python -m bento keys add FILE TENANT --operator`"
)


class ApiKeyAuth:
    """Reads the API key of a request from either of its headers."""

    def __init__(self, keys: ApiKeyStore) -> None:
        self._keys = keys

    def identify(self, headers: Headers) -> str | None:
        """Return the tenant of the request's API key; None without a known key."""
        return self._keys.tenant(_api_key(headers))

    def name_caller(self, headers: Headers) -> str:
        """Return who sends the request, for the audit log: which key, never the key itself."""
        key = _api_key(headers)
        return f"key {hash_key(key)[:12]}" if self._keys.enabled and key else LOCAL

    def is_operator(self, headers: Headers) -> bool:
        """Return whether the request's API key may see numbers of all tenants."""
        return self._keys.is_operator(_api_key(headers))


def unauthorized() -> RequestRejected:
    """Create the rejection of a request without a known API key."""
    return RequestRejected("api_key_required", KEY_REQUIRED, {"WWW-Authenticate": "Bearer"})


def _api_key(headers: Headers) -> str | None:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return key.strip()
    return headers.get("x-api-key")
