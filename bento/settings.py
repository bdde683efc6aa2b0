"""Settings of service and worker, read once from environment variables."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from bento.paths import ROOT
from unmask.errors import ConfigError
from unmask.serving.custody.signing_key import KEY_NAME
from unmask.serving.file_limits import MAX_FILE_MIB, MIB

PREFIX = "UNMASK_"
S3_ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")  # as in the AWS tools
DAY_S = 86_400.0


def _split(value: object) -> object:
    return (
        tuple(part.strip() for part in value.split(",") if part.strip())
        if isinstance(value, str)
        else value
    )


Names = Annotated[tuple[str, ...], BeforeValidator(_split)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]


def _default_folder() -> Path:
    # a Bento runs inside BentoML's store, where data would be lost with the next version
    is_checkout = (ROOT / "params.yaml").is_file()
    return Path("outputs/service") if is_checkout else Path.home() / ".unmask"


class ServiceSettings(BaseModel):
    """Settings of service and worker; ``UNMASK_MAX_UPLOAD_MIB=100`` sets ``max_upload_mib``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path = Field(default_factory=_default_folder, description="Folder for all local files.")
    queue: str = Field("", description="Celery broker, redis://…; empty: embedded worker.")
    queue_name: str = Field("unmask", description="Name of the queue in the broker.")
    database: str = Field("", description="postgresql://… or sqlite:///…; empty: in `folder`.")
    database_connections: Count = Field(
        50, description="Connections to PostgreSQL that a process has at most; others wait for one."
    )
    database_connections_kept: Count = Field(
        10, description="Connections to PostgreSQL that an idle process keeps."
    )
    storage: str = Field("", description="s3://bucket/prefix or a folder; empty: in `folder`.")
    s3_endpoint: str = Field(
        "", description="Endpoint of an S3 store other than AWS; default: AWS_ENDPOINT_URL."
    )
    import_buckets: Names = Field(
        (),
        description="Allowed in `storage_url`, comma-separated: `bucket` or `bucket/prefix` for "
        "all tenants, `tenant:bucket/prefix` for one.",
    )
    import_hosts: Names = Field(
        (),
        description="Web servers allowed in `storage_url`, comma-separated: `host` or "
        "`host:port/prefix` for all tenants, `tenant@host` for one.",
    )
    import_private: bool = Field(
        False, description="Allow http and private addresses of `import_hosts`."
    )
    secret: SecretStr = Field(
        SecretStr(""), description="Signs URLs and webhooks; empty: generated once."
    )
    report_key_file: Path | None = Field(
        None,
        description="Private key that signs reports, in PEM; made once. Empty: in `folder`, or in "
        "`database` if that is set.",
    )
    c2pa_trust_file: Path | None = Field(
        None, description="Certificates in PEM that are trusted to sign Content Credentials."
    )
    api_keys_file: Path | None = Field(None, description="Written by `python -m bento keys add`.")

    root_path: str = Field(
        "",
        pattern=r"^(/[A-Za-z0-9._~-]+)*$",
        description="Path under which a reverse proxy serves the service, such as /unmask.",
    )

    max_upload_mib: Count = Field(MAX_FILE_MIB, description="Maximum size of a video.")
    max_batch_mib: Count = Field(8192, description="Maximum size of a batch request.")
    max_duration_s: Seconds = Field(1800.0, description="Maximum duration of a video.")
    predict_max_s: Seconds = Field(120.0, description="Maximum duration of a video in /predict.")
    max_pixels: Count = Field(7680 * 4320, description="Maximum width times height of a frame.")
    max_frames: Count = Field(200_000, description="Maximum number of frames of a video.")
    batch_files: Count = Field(50, description="Maximum number of files in a batch.")
    max_queued: Count = Field(500, description="Maximum number of queued jobs.")
    max_queued_per_tenant: Count = Field(250, description="The same for one tenant.")
    max_stored_mib_per_tenant: Count = Field(
        102_400, description="Stored uploads of a tenant, with those under way."
    )
    submits_per_minute: Count = Field(300, description="Rate limit of submissions per tenant.")
    requests_per_minute: Count = Field(6000, description="Rate limit of requests per tenant.")
    rate_limit_store: str = Field(
        "",
        pattern=r"^(rediss?://\S+)?$",
        description="redis://… in which all machines count requests together; empty: each machine "
        "counts for itself.",
    )

    max_streams_per_tenant: Count = Field(
        100, description="Open event streams (`/jobs/{job_id}/events`) per tenant."
    )
    min_free_mib: Count = Field(512, description="Free disk space that uploads leave.")
    max_connections_per_address: Count = Field(
        256, description="Open connections per client address; a reverse proxy is one client."
    )

    job_wall_s: Seconds = Field(3600.0, description="Time limit of an analysis.")
    job_cpu_s: Seconds = Field(7200.0, description="CPU time limit of an analysis.")
    job_memory_mib: Count = Field(4096, description="Memory limit of an analysis.")
    attempts: Count = Field(3, description="Maximum number of attempts of a job.")
    lease_s: Seconds = Field(30.0, description="A lease without a heartbeat expires after this.")
    poll_s: Seconds = Field(0.25, description="Poll interval of an idle embedded worker.")

    keep_days: Seconds = Field(30.0, description="Retention time of uploads and results.")
    zero_minutes: Seconds = Field(
        15.0, description="Retention time of results with retention `zero`."
    )
    link_minutes: Seconds = Field(15.0, description="Lifetime of a signed URL.")
    webhook_private: bool = Field(False, description="Allow http and private addresses.")
    webhook_tries: Count = Field(8, description="Maximum number of attempts per webhook.")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read environment variables; unset variables keep their defaults.

        Raises:
            ConfigError: A value is invalid, or a path is relative.
        """
        names = {PREFIX + name.upper(): name for name in cls.model_fields}
        values = {name: environment[key] for key, name in names.items() if environment.get(key)}
        for endpoint in filter(None, map(environment.get, S3_ENDPOINT_VARIABLES)):
            values.setdefault("s3_endpoint", endpoint)
        for name in ("folder", "storage", "api_keys_file", "report_key_file", "c2pa_trust_file"):
            _check_absolute(name, values.get(name, ""))
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            key = PREFIX + str(first["loc"][0]).upper()
            raise ConfigError(f"{key}: {first['msg']}; change or unset it") from error

    @property
    def embedded(self) -> bool:
        """Whether the service starts its own worker."""
        return not self.queue

    @property
    def database_url(self) -> str:
        """Database URL for SQLAlchemy, with the driver that the service installs."""
        if not self.database:
            return f"sqlite:///{self.folder.resolve()}/jobs.db"
        scheme, colon, rest = self.database.partition("://")
        drivers = {"postgresql": "postgresql+pg8000", "postgres": "postgresql+pg8000"}
        return drivers.get(scheme, scheme) + colon + rest

    @property
    def storage_url(self) -> str:
        """URL of the object store for fsspec."""
        return self.storage or str(self.folder.resolve() / "files")

    @property
    def work_folder(self) -> Path:
        """Folder for temporary files."""
        return self.folder.resolve() / "work"

    @property
    def report_key_path(self) -> Path:
        """File of the private key that signs reports."""
        return self.report_key_file or self.folder.resolve() / KEY_NAME

    @property
    def max_upload_bytes(self) -> int:
        """``max_upload_mib`` in bytes."""
        return self.max_upload_mib * MIB


def _check_absolute(name: str, value: str) -> None:
    if value and "://" not in value and not Path(value).is_absolute():
        key = PREFIX + name.upper()
        raise ConfigError(
            f"{key}: {value} is a relative path, but a Bento runs in its own folder; "
            f"use {key}=$PWD/{value}"
        )
