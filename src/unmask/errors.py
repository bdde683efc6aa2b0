"""Everything that can go wrong, as one tree.

::

    UnmaskError
    ├── ConfigError         a setting is unknown, missing or out of range
    ├── MissingExtraError   an optional package is not installed
    ├── MediaError          a file cannot be read as a talking-person video
    ├── DataError           a manifest, a split or a data folder is wrong
    │   └── SingleClassError   a metric needs both genuine and fake clips
    ├── WeightsError        pretrained weights cannot be had
    ├── BundleError         a saved detector is damaged or from another schema
    ├── TrainingError       a fit cannot go on
    └── GateError           a required gate fell short

Every message names the thing, says what is wrong, and says what to do.
"""


class UnmaskError(Exception):
    """The root: catching it catches everything this project raises on purpose."""


class ConfigError(UnmaskError):
    """A setting is unknown, missing or out of range."""


class MissingExtraError(UnmaskError):
    """An optional package is not installed."""


class MediaError(UnmaskError):
    """A file cannot be read as a talking-person video."""


class DataError(UnmaskError):
    """A manifest, a split or a data folder is wrong."""


class SingleClassError(DataError):
    """A metric needs both genuine and fake clips and got one kind only."""


class WeightsError(UnmaskError):
    """Pretrained weights cannot be had."""


class BundleError(UnmaskError):
    """A saved detector is damaged or was written under another schema."""


class TrainingError(UnmaskError):
    """A fit cannot go on."""


class GateError(UnmaskError):
    """A required gate fell short."""
