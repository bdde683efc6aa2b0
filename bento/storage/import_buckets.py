"""Which tenant may import which objects: the entries of ``UNMASK_IMPORT_BUCKETS``.

``bucket`` and ``bucket/prefix`` hold for all tenants, ``tenant:bucket/prefix`` for one tenant. A
prefix is a folder: ``bucket/a`` allows ``a/b.mp4`` and not ``ab.mp4``.
"""

from collections.abc import Iterable


def may_import(entries: Iterable[str], tenant: str, bucket: str, key: str) -> bool:
    """Return whether the tenant may import the object ``key`` of ``bucket``.

    Example:
        >>> entries = ("shared", "anna:uploads/anna")
        >>> [may_import(entries, "anna", "uploads", key) for key in ("anna/a.mp4", "bert/a.mp4")]
        [True, False]
        >>> may_import(entries, "bert", "uploads", "anna/a.mp4")
        False
        >>> may_import(entries, "bert", "shared", "a.mp4")
        True
    """
    return any(f"{bucket}/{key}".startswith(f"{name}/") for name in allowed_for(entries, tenant))


def allowed_for(entries: Iterable[str], tenant: str) -> list[str]:
    """Return the buckets and prefixes that a tenant may import from, without a slash at the end."""
    allowed = []
    for entry in entries:
        owner, colon, name = entry.rpartition(":")
        if not colon or owner == tenant:
            allowed.append(name.rstrip("/"))
    return allowed
