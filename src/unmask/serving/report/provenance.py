"""Provenance of the file: Content Credentials (C2PA), and what its metadata say."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from unmask.serving.report.base import ReportModel

CredentialStatus = Literal[
    "present", "absent", "remote", "unreadable", "unsupported", "not_checked"
]
Validation = Literal["trusted", "valid", "invalid"]

ABSENT = (
    "The file has no Content Credentials. That says nothing about it: most genuine files have "
    "none, and they are lost when a file is sent on or encoded again."
)


class CredentialAction(ReportModel):
    """An action that a signer claims to have done."""

    action: str = Field(description="Code of the action, such as `c2pa.edited`.")
    description: str | None = Field(default=None, description="In the words of the claim.")
    software: str | None = Field(default=None, description="Program that did it, as claimed.")
    when: str | None = Field(default=None, description="Time as claimed; nothing checks it.")
    source_type: str | None = Field(
        default=None,
        description="Last part of the IPTC digital source type, such as `trainedAlgorithmicMedia`.",
    )


class Ingredient(ReportModel):
    """A file that this one is said to be made from."""

    title: str | None = Field(description="Its name, as claimed.")
    relationship: str | None = Field(
        description="`parentOf` for the file that was edited, `componentOf` for a part."
    )
    has_credentials: bool = Field(description="Whether it had Content Credentials of its own.")
    thumbnail: str | None = Field(
        default=None, description="Name of the image beside the evidence; null without one."
    )


class ValidationFailure(ReportModel):
    """A check of the Content Credentials that failed."""

    code: str = Field(description="Code of the C2PA specification.")
    message: str = Field(description="In the words of the C2PA library.")


class ContentCredentials(ReportModel):
    """Content Credentials: a signed manifest of who made the file, and how."""

    status: CredentialStatus = Field(
        description="`remote`: the manifest is stored elsewhere and was not fetched. "
        "`unsupported`: the format of the file was not searched. `not_checked`: the library for it "
        "is not installed."
    )
    validation: Validation | None = Field(
        default=None,
        description="`trusted`: intact, and signed by somebody on the trust list. `valid`: intact, "
        "but nobody vouches for the signer. `invalid`: changed after signing, or malformed. Null "
        "without a manifest.",
    )
    failures: tuple[ValidationFailure, ...] = Field(
        default=(), description="Checks that failed, an unknown signer among them."
    )
    signer: str | None = Field(default=None, description="Name in the certificate.")
    organization: str | None = Field(default=None, description="Organization in the certificate.")
    signed_at: str | None = Field(
        default=None, description="Time by a time stamp authority; null without one."
    )
    generator: str | None = Field(default=None, description="Program that wrote the manifest.")
    title: str | None = Field(default=None, description="Name of the file, as claimed.")
    actions: tuple[CredentialAction, ...] = Field(default=(), description="In the claimed order.")
    ingredients: tuple[Ingredient, ...] = Field(default=(), description="What it was made from.")
    assertions: tuple[str, ...] = Field(
        default=(), description="Labels of all assertions of the manifest."
    )
    remote_url: str | None = Field(
        default=None, description="Where the manifest is stored, if not in the file."
    )
    note: str | None = Field(default=None, description="What could not be read, and why.")


class FileTraces(ReportModel):
    """What the file's metadata say about its origin; anybody can change them."""

    container: str = Field(description="FFmpeg's name of the format.")
    encoder: str | None = Field(default=None, description="Program that wrote the file.")
    encoder_settings: str | None = Field(
        default=None, description="Text that the video encoder left in the stream."
    )
    device: str | None = Field(default=None, description="Make and model of a camera or phone.")
    software: tuple[str, ...] = Field(
        default=(), description="Editing or generating programs that tags name."
    )
    created_at: str | None = Field(default=None, description="Time of creation, as stated.")
    tags: Mapping[str, str] = Field(
        default_factory=dict, description="Tags of the container and its streams, at most 60."
    )


class Provenance(ReportModel):
    """Where the file says that it comes from. The verdict does not depend on it."""

    credentials: ContentCredentials = Field(description="Content Credentials (C2PA).")
    traces: FileTraces = Field(description="Metadata of the file.")
    messages: tuple[str, ...] = Field(description="The same in words.")
