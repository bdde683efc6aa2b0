"""Files of the Hugging Face hub, or of its local cache where the hub cannot be reached."""

from pathlib import Path

from huggingface_hub import constants, get_session, snapshot_download
from huggingface_hub.errors import HfHubHTTPError

from unmask.errors import WeightsError

HUB_TIMEOUT_S = 5.0
# base of all errors of the HTTP client, whichever client the hub's release uses
TRANSPORT_ERROR: type[Exception] = HfHubHTTPError.__bases__[0]


def download_files(repo: str, files: list[str], setting: str) -> Path:
    """Return the folder of a hub repository.

    Args:
        files: Names or patterns of the files.
        setting: Named in the error.

    Raises:
        WeightsError: The files are neither on the hub nor in the local cache.
    """
    online = _is_hub_reachable()
    try:
        folder = Path(snapshot_download(repo, allow_patterns=files, local_files_only=not online))
    except (OSError, ValueError) as error:
        reason = "the hub refused them" if online else "the hub cannot be reached"
        raise WeightsError(
            f"the pretrained weights {repo} are not available: {reason}, and they are not in the "
            f"local cache; set {setting} to a local path, or use profile demo, which needs none"
        ) from error
    return folder


def _is_hub_reachable() -> bool:
    """Probe the hub with one short request; its own client would retry for most of a minute."""
    if constants.HF_HUB_OFFLINE:
        return False
    try:
        get_session().head(constants.ENDPOINT, timeout=HUB_TIMEOUT_S)
    except (TRANSPORT_ERROR, OSError):
        return False
    return True
