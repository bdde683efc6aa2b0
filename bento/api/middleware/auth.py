"""API-key authentication: which tenant sends a request."""

from starlette.datastructures import Headers

from bento.api.error_response import RequestRejected
from bento.security.api_keys import LOCAL, ApiKeyStore, hash_key
from bento.security.scopes import Scope

KEY_REQUIRED = "an API key is required; send it as `Authorization: Bearer <key>`"
OPERATOR_REQUIRED = (
    "an operator's key is required; create one with "
    "`python -m bento keys add FILE TENANT --operator`"
)
SCOPE_REQUIRED = (
    "this API key lacks the scope `{scope}`; send another key, or ask the operator for one with "
    "`--scope {scope}`"
)
KEY_EXPIRED = "this API key expired at {expiry}; ask the operator for a new one"


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

    def has_scope(self, headers: Headers, scope: Scope) -> bool:
        """Return whether the request's API key may do this."""
        return self._keys.has_scope(_api_key(headers), scope)

    def require_scope(self, headers: Headers, scope: Scope) -> None:
        """Check that the request's API key may do this.

        Raises:
            RequestRejected: 403, the key lacks the scope.
        """
        if self.has_scope(headers, scope):
            return
        if scope == Scope.ADMIN:
            raise RequestRejected("operator_required", OPERATOR_REQUIRED)
        raise RequestRejected("scope_required", SCOPE_REQUIRED.format(scope=scope))

    def unauthorized(self, headers: Headers) -> RequestRejected:
        """Create the rejection of a request without a valid API key."""
        challenge = {"WWW-Authenticate": "Bearer"}
        if expiry := self._keys.expiry(_api_key(headers)):
            message = KEY_EXPIRED.format(expiry=expiry.isoformat())
            return RequestRejected("api_key_expired", message, challenge)
        return RequestRejected("api_key_required", KEY_REQUIRED, challenge)


def _api_key(headers: Headers) -> str | None:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return key.strip()
    return headers.get("x-api-key")
