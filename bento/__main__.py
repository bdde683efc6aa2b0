"""Administration of the service: ``python -m bento``."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from bento.db.engine import create_migrated_engine, read_revision
from bento.security.api_keys import create_key
from bento.security.file_modes import restrict_file_access
from bento.security.signing import load_signing_key, webhook_secret
from bento.settings import PREFIX, ServiceSettings
from unmask.errors import UnmaskError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Administer the service.",
)
keys = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Manage API keys.")
app.add_typer(keys, name="keys")


@keys.command("add")
def add_key(
    file: Annotated[Path, typer.Argument(help="Key file; the hash of the key is appended.")],
    tenant: Annotated[str, typer.Argument(help="Owner of the key: letters, digits and _.-")],
    operator: Annotated[
        bool, typer.Option("--operator", help="The key may read /metrics, of all tenants.")
    ] = False,
) -> None:
    """Create an API key and print it once, with the secret that signs the tenant's webhooks."""
    settings = ServiceSettings.from_environment()
    restrict_file_access(settings)
    with _database_errors():
        signing_key = load_signing_key(create_migrated_engine(settings), settings)
    key = create_key(file, tenant, operator)
    print(f"key             {key}")
    print(f"webhook secret  {webhook_secret(signing_key, tenant)}")


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
