"""The exceptions of this project, as one tree.

::

    UnmaskError
    ├── ConfigError         a setting is unknown, missing or out of range
    ├── MissingExtraError   an optional package is not installed
    ├── MediaError          a file cannot be decoded as video or audio
    ├── ArchiveError        a zip or tar archive is damaged, encrypted or a zip bomb
    ├── WorkerCrashError    a worker process died of its input
    ├── DataError           a manifest, a split or a data folder is invalid
    │   └── SingleClassError   a metric needs both genuine and fake clips
    ├── WeightsError        pretrained weights are unavailable
    ├── BundleError         a saved detector is damaged or has another schema
    ├── CustodyError        a signed report or its key cannot be read or made
    ├── EngineError         a network's graph cannot be read or run
    ├── TrainingError       training cannot continue
    └── GateError           a required quality gate failed

Each message states what is concerned, what is wrong, and how to fix it.
"""


class UnmaskError(Exception):
    """Root of the tree; every error that this project raises on purpose derives from it."""


class ConfigError(UnmaskError):
    """A setting is unknown, missing or out of range."""


class MissingExtraError(UnmaskError):
    """An optional package is not installed."""


class MediaError(UnmaskError):
    """A file cannot be decoded as video or audio."""


class ArchiveError(UnmaskError):
    """A zip or tar archive is damaged, encrypted or a zip bomb."""


class WorkerCrashError(UnmaskError):
    """A worker process died of its input, as in a crash of a decoder."""


class DataError(UnmaskError):
    """A manifest, a split or a data folder is invalid."""


class SingleClassError(DataError):
    """A metric needs both genuine and fake clips, but got one class only."""


class WeightsError(UnmaskError):
    """Pretrained weights are unavailable."""


class BundleError(UnmaskError):
    """A saved detector is damaged or was written under another schema."""


class CustodyError(UnmaskError):
    """A report, its signature or a key for signatures cannot be read or made."""


class EngineError(UnmaskError):
    """The graph of a network cannot be read or run."""


class TrainingError(UnmaskError):
    """Training cannot continue."""


class GateError(UnmaskError):
    """A required quality gate failed."""


def describe_problem(subject: object, error: Exception) -> str:
    """Return why ``subject`` is left out, for reports; a bug is named by its type.

    Example:
        >>> describe_problem("a.mp4", MediaError("a.mp4: is empty; use another file"))
        'a.mp4: is empty; use another file'
        >>> describe_problem("a.mp4", ZeroDivisionError("division by zero"))
        'a.mp4: ZeroDivisionError: division by zero; please report this file'
    """
    if isinstance(error, UnmaskError):
        return str(error)
    return f"{subject}: {type(error).__name__}: {error}; please report this file"
