"""Administration of the service: ``python -m bento``."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TextIO

import typer
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from bento.db.audit_log import iter_rows, verify_chain
from bento.db.engine import create_migrated_engine, read_revision
from bento.errors import AuditError
from bento.security.api_keys import create_key
from bento.security.file_modes import restrict_file_access
from bento.security.key_expiry import parse_expiry
from bento.security.key_file import list_keys, revoke_key
from bento.security.scopes import DEFAULT_SCOPES, Scope
from bento.security.signing import load_signing_key, standard_webhook_secret, webhook_secret
from bento.settings import PREFIX, ServiceSettings
from unmask.errors import UnmaskError
from unmask.files import atomic_write

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Administer the service.",
)
keys = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Manage API keys.")
app.add_typer(keys, name="keys")
audit = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Check the audit log.")
app.add_typer(audit, name="audit")


@keys.command("add")
def add_key(
    file: Annotated[Path, typer.Argument(help="Key file; the hash of the key is appended.")],
    tenant: Annotated[str, typer.Argument(help="Owner of the key: letters, digits and _.-")],
    operator: Annotated[
        bool, typer.Option("--operator", help="The key may read /metrics, of all tenants.")
    ] = False,
    scope: Annotated[
        list[Scope] | None,
        typer.Option(help="What the key may do; repeatable. By default read, submit and delete."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="When the key expires: 12h, 30d, 4w or 2027-01-31.")
    ] = None,
) -> None:
    """Create an API key and print it once, with the secret that signs the tenant's webhooks."""
    expires_at = parse_expiry(expires, datetime.now(UTC)) if expires else None
    scopes = frozenset(Scope) if operator else frozenset(scope or DEFAULT_SCOPES)
    settings = ServiceSettings.from_environment()
    restrict_file_access(settings)
    with _database_errors():
        signing_key = load_signing_key(create_migrated_engine(settings), settings)
    key = create_key(file, tenant, scopes, expires_at)
    print(f"key             {key}")
    secret = webhook_secret(signing_key, tenant)
    print(f"webhook secret  {secret}")
    print(f"the same for libraries of Standard Webhooks  {standard_webhook_secret(secret)}")


@keys.command("list")
def print_keys(file: Annotated[Path, typer.Argument(help="Key file.")]) -> None:
    """Print the start of each key's hash, its tenant, its scopes and when it expires."""
    now = datetime.now(UTC)
    for key_hash, key in list_keys(file).items():
        scopes = ",".join(item for item in Scope if item in key.scopes)
        state = "expired" if key.has_expired(now) else "until"
        expiry = f"{state} {key.expires_at.isoformat()}" if key.expires_at else "no expiry"
        print(f"{key_hash[:12]}  {key.tenant:20}  {scopes:26}  {expiry}")


@keys.command("revoke")
def remove_key(
    file: Annotated[Path, typer.Argument(help="Key file.")],
    key_id: Annotated[str, typer.Argument(help="Start of the key's hash, as `keys list` prints.")],
) -> None:
    """Revoke an API key; the service refuses it from the next request on."""
    key = revoke_key(file, key_id)
    print(f"revoked a key of {key.tenant}")


@app.command("migrate")
def migrate_database() -> None:
    """Bring the database to the schema of this version, as every process does when it starts."""
    settings = ServiceSettings.from_environment()
    restrict_file_access(settings)
    with _database_errors():
        print(f"schema {read_revision(create_migrated_engine(settings))}")


@app.command("settings")
def print_settings() -> None:
    """Print every setting: environment variable, default, meaning."""
    for name, field in ServiceSettings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        value = "" if default in (None, ()) else str(default)
        print(f"{PREFIX + name.upper():36}{value:12}  {field.description or ''}".rstrip())


@audit.command("verify")
def verify_audit_log(
    contains: Annotated[
        str | None,
        typer.Option(help="Hash that was noted earlier: some row must have it."),
    ] = None,
) -> None:
    """Check that no row of the audit log was changed or removed, and print the last hash.

    Exits with 1 if a row was changed or removed, or no row has the noted hash.
    """
    engine = _open_database()
    with _database_errors():
        try:
            number, last = verify_chain(engine)
            is_noted = contains is None or any(row["hash"] == contains for row in iter_rows(engine))
        except AuditError as error:
            print(f"bento: audit log: {error}", file=sys.stderr)
            raise typer.Exit(1) from error
    if not is_noted:
        print(f"bento: audit log: no row has the hash {contains}", file=sys.stderr)
        raise typer.Exit(1)
    print(f"{number} rows, last hash {last}")


@audit.command("export")
def export_audit_log(
    file: Annotated[Path, typer.Argument(help="File to write, as JSON Lines; - for the terminal.")],
) -> None:
    """Write every row of the audit log as a line of JSON."""
    engine = _open_database()
    with _database_errors(), _output(file) as output:
        for row in iter_rows(engine):
            output.write(json.dumps(row) + "\n")


def _open_database() -> Engine:
    settings = ServiceSettings.from_environment()
    restrict_file_access(settings)
    with _database_errors():
        return create_migrated_engine(settings)


@contextmanager
def _output(file: Path) -> Iterator[TextIO]:
    if file == Path("-"):
        yield sys.stdout
        return
    with atomic_write(file) as unfinished, unfinished.open("w", encoding="utf-8") as output:
        yield output


@contextmanager
def _database_errors() -> Iterator[None]:
    """Say that the database is unavailable, and exit with code 2."""
    try:
        yield
    except SQLAlchemyError as error:  # the message may hold the database URL with its password
        kind = type(error).__name__
        print(
            f"bento: the database is unavailable ({kind}); start it, or correct UNMASK_DATABASE",
            file=sys.stderr,
        )
        raise typer.Exit(2) from error


def main() -> None:
    """Run the command line; print errors as one line and exit with code 2."""
    try:
        app()
    except (UnmaskError, OSError) as error:
        print(f"bento: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
