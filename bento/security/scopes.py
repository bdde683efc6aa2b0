"""What an API key may do."""

from enum import StrEnum


class Scope(StrEnum):
    """A right of an API key."""

    READ = "read"
    SUBMIT = "submit"
    DELETE = "delete"
    ADMIN = "admin"


# of a key whose line names none, as all lines of earlier releases
DEFAULT_SCOPES = frozenset({Scope.READ, Scope.SUBMIT, Scope.DELETE})
_SCOPE_OF_METHOD = {"POST": Scope.SUBMIT, "DELETE": Scope.DELETE}


def required_scope(method: str) -> Scope:
    """Return the scope that a request needs.

    Example:
        >>> [str(required_scope(method)) for method in ("GET", "POST", "DELETE")]
        ['read', 'submit', 'delete']
    """
    return _SCOPE_OF_METHOD.get(method, Scope.READ)
