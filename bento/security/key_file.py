"""Administration of the key file: list and revoke keys."""

from pathlib import Path

from bento.security.api_keys import ApiKey, parse_line
from unmask.errors import ConfigError
from unmask.files import atomic_write

MIN_ID_LENGTH = 6


def list_keys(path: Path) -> dict[str, ApiKey]:
    """Return the keys of a file by their hash; lines that are no keys are left out.

    Raises:
        ConfigError: The file cannot be read.
    """
    parsed = [parse_line(line) for line in _read_lines(path)]
    return dict(entry for entry in parsed if entry is not None)


def revoke_key(path: Path, key_id: str) -> ApiKey:
    """Remove a key from the file; the service refuses it from the next request on.

    Args:
        key_id: Start of the key's hash, as :func:`list_keys` returns it.

    Raises:
        ConfigError: No key, or more than one, begins so.
    """
    matches = {name: key for name, key in list_keys(path).items() if name.startswith(key_id)}
    if len(key_id) < MIN_ID_LENGTH or len(matches) != 1:
        raise ConfigError(
            f"{key_id!r}: {len(matches)} keys of {path} begin so; give at least {MIN_ID_LENGTH} "
            "characters of one, as `python -m bento keys list` prints them"
        )
    ((key_hash, key),) = matches.items()
    kept = [line for line in _read_lines(path) if (parse_line(line) or ("",))[0] != key_hash]
    with atomic_write(path) as unfinished:
        unfinished.touch(0o600)
        unfinished.chmod(0o600)
        unfinished.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
    return key


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise ConfigError(f"{path}: API keys cannot be read ({error.strerror})") from error
