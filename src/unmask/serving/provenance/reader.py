"""Provenance of a file as the report states it."""

import os
from collections.abc import Iterator
from pathlib import Path

from unmask.serving.provenance.content_credentials import (
    TRUST_VARIABLE,
    CredentialsRequest,
    read_credentials,
    trust_settings,
)
from unmask.serving.provenance.file_traces import read_file_traces
from unmask.serving.report.provenance import ABSENT, ContentCredentials, FileTraces, Provenance

VALIDATIONS = {
    "trusted": "are intact, and signed by {signer}, who is on the trust list",
    "valid": "are intact, and signed by {signer}; nobody on a trust list vouches for that name",
    "invalid": "do not hold: the file was changed after it was signed, or they are damaged",
}
UNCHECKED = "Whether the file has Content Credentials is unknown: {note}."
# IPTC's digital source types that say that a program made what is seen or heard
SYNTHETIC = {
    "trainedAlgorithmicMedia": "made by a generative model",
    "compositeWithTrainedAlgorithmicMedia": "made in part by a generative model",
    "compositeSynthetic": "composed of parts of which at least one is synthetic",
    "algorithmicMedia": "made by a program",
}


def read_provenance(path: Path, images_dir: Path | None = None) -> Provenance:
    """Read Content Credentials and metadata of a media file.

    Certificates that are trusted to sign are read from the file that ``UNMASK_C2PA_TRUST_FILE``
    names.

    Args:
        images_dir: Folder for thumbnails of ingredients; none are written without one.

    Raises:
        MediaError: The file is not a media file.
        ConfigError: The trust file cannot be read.
    """
    traces = read_file_traces(path)
    request = CredentialsRequest(path, traces.container, images_dir, _trust_file())
    credentials = read_credentials(request)
    messages = (*_describe_credentials(credentials), *_describe_traces(traces))
    return Provenance(credentials=credentials, traces=traces, messages=messages)


def check_trust_file() -> None:
    """Check that the trust file can be read, before a video is analyzed.

    Raises:
        ConfigError: It cannot.
    """
    trust_settings(_trust_file())


def without_thumbnails(provenance: Provenance | None) -> Provenance | None:
    """Return the provenance of a report beside which no images are stored."""
    if provenance is None:
        return None
    listed = provenance.credentials.ingredients
    ingredients = tuple(item.model_copy(update={"thumbnail": None}) for item in listed)
    credentials = provenance.credentials.model_copy(update={"ingredients": ingredients})
    return provenance.model_copy(update={"credentials": credentials})


def _trust_file() -> Path | None:
    name = os.environ.get(TRUST_VARIABLE)
    return Path(name) if name else None


def _describe_credentials(credentials: ContentCredentials) -> Iterator[str]:
    if credentials.status == "absent":
        yield ABSENT
        return
    if credentials.validation is None:
        yield UNCHECKED.format(note=(credentials.note or "").rstrip("."))
        return
    names = [name for name in (credentials.signer, credentials.organization) if name]
    signer = ", ".join(dict.fromkeys(names)) or "somebody without a name"
    state = VALIDATIONS[credentials.validation].format(signer=signer)
    yield f"The file's Content Credentials {state}."
    types = [action.source_type for action in credentials.actions]
    for source_type in dict.fromkeys(name for name in types if name in SYNTHETIC):
        yield f"They claim that content was {SYNTHETIC[source_type]}."
    if credentials.ingredients:
        titles = [item.title or "a file without a name" for item in credentials.ingredients]
        yield f"They claim that it was made from: {', '.join(titles)}."


def _describe_traces(traces: FileTraces) -> Iterator[str]:
    if traces.device:
        yield f"Its metadata name the device {traces.device}."
    if traces.software:
        yield f"Its metadata name {', '.join(traces.software)}, which edit or generate video."
    elif traces.encoder:
        yield f"Its metadata name {traces.encoder} as the program that wrote it."
    if not traces.device and not traces.software and not traces.encoder:
        yield "Its metadata name neither a device nor a program, as after most uploads."
