"""Data sets that the settings name, for a run that is given none."""

from collections.abc import Sequence

from unmask.config import DataSetSettings, Settings, SourceWeight
from unmask.data.datasets.roles import ROLES
from unmask.errors import ConfigError


def apply_sources(settings: Settings, data: Sequence[str]) -> tuple[Settings, tuple[str, ...]]:
    """Return the settings of a run and its data sets, those of ``data.sources`` if none is given.

    Their weights join ``training.source_weights``. Data sets that are given replace all of
    ``data.sources``, their weights among them.

    Returns:
        Settings; and data sets, ``NAME=FOLDER:ROLE`` each, as
        :func:`unmask.data.datasets.several.parse_data_source` reads them. None stand for the
        pinned set.

    Raises:
        ConfigError: ``data.sources`` and ``training.source_weights`` weight a data set differently,
            a data set has a weight that is not trained on, or ``training.balanced`` is off.
    """
    sources = settings.data.sources
    if data or not sources:
        return settings, tuple(data)
    weights = _merge_weights(sources, settings.training.source_weights)
    if weights and not settings.training.balanced:
        raise ConfigError(
            f"data.sources gives {weights[0].source} a weight of the draws of training.balanced, "
            "which is off; set training.balanced=true, too, or remove the weights"
        )
    training = settings.training.replace(source_weights=weights)
    listed = tuple(f"{each.name}={each.folder}:{each.role}" for each in sources)
    return settings.replace(training=training), listed


def _merge_weights(
    sources: Sequence[DataSetSettings], given: Sequence[SourceWeight]
) -> tuple[SourceWeight, ...]:
    weights = {each.source: each.weight for each in given}
    for source in sources:
        weight = source.weight
        if weight is None:
            continue
        if "train" not in ROLES[source.role]:
            raise ConfigError(
                f"data.sources gives {source.name} a weight, but the role {source.role}, which is "
                "never trained on; remove its weight"
            )
        if (other := weights.setdefault(source.name, weight)) != weight:
            raise ConfigError(
                f"data.sources gives {source.name} the weight {weight:g} and "
                f"training.source_weights {other:g}; remove one of them"
            )
    return tuple(SourceWeight(source=name, weight=weight) for name, weight in weights.items())
