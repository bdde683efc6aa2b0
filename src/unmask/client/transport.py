"""Requests to the service: key, errors, and repetition where the service asks for it."""

import math
import time
from collections.abc import Callable
from typing import Any, Self

from unmask.client.errors import ServiceError, ServiceUnreachableError
from unmask.optional_deps import require

VERSION_PREFIX = "/v1"
RETRY_STATUSES = (429, 503)
DEFAULT_PAUSE_S = 1.0
MAX_PAUSE_S = 60.0


class Transport:
    """A connection to one service.

    Args:
        base_url: Address of the service, without ``/v1``.
        api_key: None for a service on this machine that has no keys.
        timeout_s: For a connection, and between two blocks of a request or an answer.
        retries: How often a request is repeated that the service could not take at present.
        transport: An ``httpx`` transport, for tests.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None,
        timeout_s: float,
        retries: int,
        transport: Any = None,
    ) -> None:
        self._httpx: Any = require("httpx", extra="client")
        self._retries = retries
        self._base_url = base_url
        headers = {"User-Agent": "unmask-client"}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        self._client = self._httpx.Client(
            base_url=base_url.rstrip("/") + VERSION_PREFIX,
            headers=headers,
            timeout=timeout_s,
            transport=transport,
        )

    def request(
        self, method: str, path: str, rewind: Callable[[], None] = lambda: None, **options: Any
    ) -> Any:
        """Send a request and return the answer, an ``httpx.Response``.

        Args:
            path: Below ``/v1``, or an address on the service that starts with it.
            rewind: Called before the request is sent again.
            options: Of ``httpx.Client.request``.

        Raises:
            ServiceError: The service refused the request, or failed.
            ServiceUnreachableError: The service does not answer.
        """
        for attempt in range(self._retries + 1):
            if attempt:
                rewind()
            try:
                response = self._client.request(method, path, **options)
            except (self._httpx.HTTPError, self._httpx.InvalidURL) as error:
                message = f"{self._base_url}: the service does not answer ({error}); is it running?"
                raise ServiceUnreachableError(message) from error
            if response.status_code not in RETRY_STATUSES or attempt == self._retries:
                break
            time.sleep(_pause_s(response))
        if response.is_success:
            return response
        raise _to_error(response)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        """Return the transport."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()


def _pause_s(response: Any) -> float:
    try:
        pause_s = float(response.headers.get("Retry-After", DEFAULT_PAUSE_S))
    except ValueError:  # a date, as of a proxy
        pause_s = DEFAULT_PAUSE_S
    return min(max(pause_s, 0.0), MAX_PAUSE_S) if math.isfinite(pause_s) else DEFAULT_PAUSE_S


def _to_error(response: Any) -> ServiceError:
    status = response.status_code
    try:
        problem = response.json()
        detail = str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        message = f"{response.url}: answered with status {status} and no problem document"
        return ServiceError(message, status, "", None)
    return ServiceError(detail, status, str(problem.get("code", "")), problem.get("request_id"))
