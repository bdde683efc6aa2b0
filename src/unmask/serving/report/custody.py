"""Chain of custody of a report: who asked for it, what made it, and the signature over it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from unmask.serving.report.base import ReportModel, Seconds

MAX_LABEL_LENGTH = 200
# without control characters, which databases or terminals refuse
Label = Annotated[
    str, Field(min_length=1, max_length=MAX_LABEL_LENGTH, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")
]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Custody(ReportModel):
    """How the report came about; the hashes of file and detector are in `media` and `model`.

    The file is hashed before anything else is done with it: by the service as it arrives, elsewhere
    before it is opened.
    """

    case_number: Label | None = Field(default=None, description="As stated with the request.")
    operator: Label | None = Field(
        default=None, description="Who asked for the analysis, as stated with the request."
    )
    received_at: datetime | None = Field(
        default=None, description="When the service had received the file; null elsewhere."
    )
    started_at: datetime = Field(
        description="Start of the analysis; before `received_at` where the service reused the "
        "result of an earlier job on the same file."
    )
    finished_at: datetime = Field(description="End of the analysis.")
    start_s: Seconds = Field(description="Start of the analyzed part of the file.")
    end_s: Seconds | None = Field(description="End of that part; null for the end of the file.")
    settings: Mapping[str, Any] = Field(description="Settings of preprocessing and uncertainty.")
    settings_sha256: Sha256 = Field(
        description="Hash of `settings` in the canonical form of RFC 8785."
    )
    bundle_files: Mapping[str, Sha256] = Field(
        description="Hash of each file of the detector's bundle; empty for one not read from disk."
    )
    versions: Mapping[str, str] = Field(
        description="Versions of Python, of the system, and of the libraries that were loaded."
    )


class Signature(ReportModel):
    """Signature over the report without this field, in the canonical form of RFC 8785."""

    algorithm: Literal["Ed25519"] = Field(default="Ed25519", description="RFC 8032.")
    canonicalization: Literal["RFC 8785"] = Field(
        default="RFC 8785", description="How the signed bytes are made of the JSON."
    )
    key_id: Sha256 = Field(description="SHA-256 of the 32 bytes of the public key.")
    public_key: str = Field(description="The public key, 32 bytes in base64.")
    value: str = Field(description="The signature, 64 bytes in base64.")
