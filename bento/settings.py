"""Everything that can be set about the service: one environment variable each, read once."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from bento.paths import ROOT
from unmask.errors import ConfigError

PREFIX = "UNMASK_"
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")  # as every tool for S3 knows it
MIB = 2**20


def _split(value: object) -> object:
    return (
        tuple(part.strip() for part in value.split(",") if part.strip())
        if isinstance(value, str)
        else value
    )


Names = Annotated[tuple[str, ...], BeforeValidator(_split)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]


def _folder() -> Path:
    # a Bento runs inside BentoML's store, where the next version would not find it again
    is_checkout = (ROOT / "params.yaml").is_file()
    return Path("outputs/service") if is_checkout else Path.home() / ".unmask"


class ServiceSettings(BaseModel):
    """Settings of service and worker; ``UNMASK_MAX_UPLOAD_MIB=100`` sets ``max_upload_mib``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path = Field(default_factory=_folder, description="Where everything local lies.")
    queue: str = Field("", description="Celery broker, redis://…; empty: one machine, no server.")
    queue_name: str = Field("unmask", description="A broker may carry several.")
    database: str = Field("", description="postgresql://… or sqlite:///…; empty: in `folder`.")
    storage: str = Field("", description="s3://bucket/prefix or a folder; empty: in `folder`.")
    s3_endpoint: str = Field(
        "", description="Of a store that is not AWS, e.g. MinIO; AWS_ENDPOINT_URL, too."
    )
    import_buckets: Names = Field((), description="Buckets that `storage_url` may name.")
    secret: SecretStr = Field(
        SecretStr(""), description="Signs links and webhooks; empty: one is made and kept."
    )
    api_keys_file: Path | None = Field(
        None, description="Written by `python -m bento.security.api_keys`."
    )

    max_upload_mib: Count = Field(2048, description="Of one video.")
    max_batch_mib: Count = Field(8192, description="Of all videos sent with one request.")
    max_duration_s: Seconds = 1800.0
    predict_max_s: Seconds = Field(120.0, description="Of a video whose sender waits for it.")
    max_pixels: Count = Field(7680 * 4320, description="Width times height of the picture.")
    max_frames: Count = 200_000
    batch_files: Count = 50
    max_queued: Count = 500
    max_queued_per_tenant: Count = 250
    submits_per_minute: Count = 300
    requests_per_minute: Count = 6000

    job_wall_s: Seconds = 3600.0
    job_cpu_s: Seconds = 7200.0
    job_memory_mib: Count = Field(4096, description="Above what the loaded detector holds.")
    attempts: Count = Field(3, description="How often a job is begun before it fails.")
    lease_s: Seconds = Field(30.0, description="A worker that is silent this long is given up.")
    poll_s: Seconds = Field(0.25, description="How often an idle embedded worker looks.")

    keep_days: Seconds = Field(30.0, description="Then uploads and results go.")
    zero_minutes: Seconds = Field(15.0, description="Time to fetch a result of retention `zero`.")
    link_minutes: Seconds = Field(15.0, description="How long a signed link works.")
    webhook_private: bool = Field(False, description="Allow http and addresses of this network.")
    webhook_tries: Count = 8

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read what the environment says; what it does not say stays at its default.

        Raises:
            ConfigError: A value cannot be what its name asks for, or a path is relative.
        """
        names = {PREFIX + name.upper(): name for name in cls.model_fields}
        given = {name: environment[key] for key, name in names.items() if environment.get(key)}
        for elsewhere in filter(None, map(environment.get, ENDPOINTS)):
            given.setdefault("s3_endpoint", elsewhere)
        for name in ("folder", "storage", "api_keys_file"):
            _check_absolute(name, given.get(name, ""))
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            key = PREFIX + str(first["loc"][0]).upper()
            raise ConfigError(f"{key}: {first['msg']}; change or unset it") from error

    @property
    def embedded(self) -> bool:
        """Whether the service brings its own worker."""
        return not self.queue

    @property
    def database_url(self) -> str:
        """As SQLAlchemy wants it, with the driver that comes with the service."""
        if not self.database:
            return f"sqlite:///{self.folder.resolve()}/jobs.db"
        scheme, colon, rest = self.database.partition("://")
        drivers = {"postgresql": "postgresql+pg8000", "postgres": "postgresql+pg8000"}
        return drivers.get(scheme, scheme) + colon + rest

    @property
    def storage_url(self) -> str:
        """As fsspec wants it."""
        return self.storage or str(self.folder.resolve() / "files")

    @property
    def max_upload_bytes(self) -> int:
        """``max_upload_mib`` in bytes."""
        return self.max_upload_mib * MIB


def _check_absolute(name: str, value: str) -> None:
    if value and "://" not in value and not Path(value).is_absolute():
        key = PREFIX + name.upper()
        words = "is relative, and a Bento runs in a folder of its own"
        raise ConfigError(f"{key}: {value} {words}; use {key}=$PWD/{value}")


def main() -> None:
    """Print every setting: variable, default, meaning."""
    for name, field in ServiceSettings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        shown = "" if default in (None, ()) else str(default)
        print(f"{PREFIX + name.upper():32}{shown:12}  {field.description or ''}".rstrip())


if __name__ == "__main__":
    main()
